//! COPY out to a writer: what psql writes, and what is left where it breaks off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pgrepo::csv::CsvOptions;
use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyFormat, CopyInOptions, Db, ErrorKind, PgTable};
use tokio::io::AsyncWrite;

use super::{AIRPORTS, AIRPORTS_SQL, Airport};
use crate::support::{self, Direct, DropAt, pool, serves};

/// What psql writes for a `\copy`.
async fn psql(db: &TestDatabase, copy: &str) -> Option<Vec<u8>> {
    support::psql(db, &["-c", copy]).await
}

async fn written(db: &Db, format: &CopyFormat) -> (u64, Vec<u8>) {
    let mut out = Vec::new();
    let report = db.repository::<Airport>().copy_out_raw(format, &mut out).await.unwrap();
    assert_eq!(report.bytes, out.len() as u64);
    (report.rows, out)
}

const HOSTILE: &str = r#"INSERT INTO airports VALUES
    ('a,b', NULL, '', '"', E'a\nb', E'c\r\nd', 'NaN', '-Infinity', 5e-324, E'\\.'),
    (E'\\N', 'NULL', ' padded ', E'tab\there', '''', E'back\\slash', -0.0, 0, 1e300, 'é🦀')"#;

#[pgrepo::test]
async fn what_is_written_is_what_psql_writes(db: TestDatabase) {
    let url = db.url();
    let ours = Db::from_url(&url).await.unwrap();
    ours.execute_script(AIRPORTS_SQL).await.unwrap();
    ours.execute_script(HOSTILE).await.unwrap();
    let file = std::fs::read(AIRPORTS).unwrap();
    let rows = CsvOptions::default().ignore_unknown().read::<Airport, _>(&file[..]);
    ours.repository::<Airport>().copy_in_try_stream(rows, CopyInOptions::default()).await.unwrap();
    let formats = [
        (CopyFormat::csv(), "csv header"),
        (CopyFormat::csv().without_header(), "csv"),
        (CopyFormat::csv().delimiter(b';').null("\\N"), r"(format csv, header, delimiter ';', null '\N')"),
        (CopyFormat::csv().null("it's"), "(format csv, header, null 'it''s')"),
        (CopyFormat::csv().delimiter(b'\''), "(format csv, header, delimiter '''')"),
        (CopyFormat::text(), "(format text)"),
        (CopyFormat::text().delimiter(b'|').null(""), "(format text, delimiter '|', null '')"),
        (CopyFormat::binary(), "(format binary)"),
    ];
    for (format, options) in formats {
        let (rows, bytes) = written(&ours, &format).await;
        assert_eq!(rows, 28_300, "{options}");
        let Some(theirs) = psql(&db, &format!("\\copy airports to stdout {options}")).await else { return };
        assert!(bytes == theirs, "{options}: {} bytes and {}", bytes.len(), theirs.len());
    }
    let mut some = Vec::new();
    let swiss = ours.repository::<Airport>().find(Airport::COUNTRY.eq("CH")).order_by(Airport::ICAO.desc());
    let rows = swiss.copy_out_raw(&CopyFormat::csv(), &mut some).await.unwrap().rows;
    let sql = "select * from airports where country = 'CH' order by icao desc";
    assert_eq!(some, psql(&db, &format!("\\copy ({sql}) to stdout csv header")).await.unwrap_or_default());
    some.clear();
    let own = ours.query("SELECT name, elevation FROM airports WHERE country = $1 ORDER BY icao; ").bind("CH");
    assert_eq!(own.copy_out_raw(&CopyFormat::csv(), &mut some).await.unwrap().rows, rows);
    let sql = "select name, elevation from airports where country = 'CH' order by icao";
    assert_eq!(some, psql(&db, &format!("\\copy ({sql}) to stdout csv header")).await.unwrap_or_default());
}

#[pgrepo::test]
async fn no_row_is_a_header_or_nothing(db: Db) {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    assert_eq!(
        written(&db, &CopyFormat::csv()).await,
        (0, b"icao,iata,name,city,subd,country,elevation,lat,lon,tz\n".to_vec())
    );
    assert_eq!(written(&db, &CopyFormat::text()).await, (0, Vec::new()));
    assert_eq!(written(&db, &CopyFormat::binary()).await.0, 0);
}

#[pgrepo::test]
async fn a_format_that_is_none_is_refused_before_anything_is_sent(db: Db) {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    for format in [
        CopyFormat::csv().delimiter(b'"'),
        CopyFormat::csv().delimiter(b'\n'),
        CopyFormat::csv().delimiter(0xe9),
        CopyFormat::csv().delimiter(0),
        CopyFormat::text().delimiter(b'a'),
        CopyFormat::text().delimiter(b'\\'),
        CopyFormat::csv().null("a,b"),
        CopyFormat::csv().null("a\nb"),
        CopyFormat::csv().null("\""),
        CopyFormat::text().null("\t"),
        CopyFormat::binary().null(""),
        CopyFormat::binary().delimiter(b','),
    ] {
        let error = db.repository::<Airport>().copy_out_raw(&format, &mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{format:?}: {error:?}");
    }
}

/// A writer that takes a few bytes at a time, waits between them, and fails behind a number of bytes.
struct Limited {
    left: usize,
    waits: bool,
}

impl AsyncWrite for Limited {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.waits = !self.waits;
        if self.waits {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the disk is full")));
        }
        let taken = bytes.len().min(100).min(self.left);
        self.left -= taken;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(if self.left == 0 { Err(io::Error::other("the disk is full")) } else { Ok(()) })
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("the writer is the caller's to shut down")
    }
}

#[derive(Debug, PgTable)]
#[pg(table = "many")]
struct Many {
    id: i64,
    name: String,
}

#[pgrepo::test(
    sql = "CREATE TABLE many AS SELECT i::int8 AS id, 'row number ' || i AS name FROM generate_series(1, 100000) i"
)]
async fn a_writer_that_fails_costs_its_connection_and_nothing_else(db: TestDatabase) {
    let (ours, mut direct) = (pool(&db.url(), "raw_fails", 2).await, Direct::to(&db).await);
    let many = ours.repository::<Many>();
    for left in [0, 1, 50_000, 1_000_000] {
        let error = many.copy_out_raw(&CopyFormat::text(), &mut Limited { left, waits: false }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
        assert!(format!("{error:?}").contains("the disk is full"), "{error:?}");
    }
    // The last byte is written, and flushing fails.
    let mut bytes = Vec::new();
    many.copy_out_raw(&CopyFormat::text(), &mut bytes).await.unwrap();
    let mut exact = Limited { left: bytes.len(), waits: false };
    assert_eq!(many.copy_out_raw(&CopyFormat::text(), &mut exact).await.unwrap_err().kind(), ErrorKind::Io);
    let mut tx = ours.begin().await.unwrap();
    let failed =
        tx.repository::<Many>().copy_out_raw(&CopyFormat::csv(), &mut Limited { left: 10, waits: false }).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Io);
    assert!(tx.query("SELECT 1").execute().await.is_err(), "the transaction is over");
    drop(tx);
    serves(&ours, 2).await;
    direct.at_rest("raw_fails", 2).await;
}

#[pgrepo::test(
    sql = "CREATE TABLE many AS SELECT i::int8 AS id, 'row number ' || i AS name FROM generate_series(1, 100000) i"
)]
async fn a_dropped_future_leaves_the_pool_whole(db: TestDatabase) {
    let (ours, mut direct) = (pool(&db.url(), "raw_drops", 2).await, Direct::to(&db).await);
    for pending in (1..40).chain([500, 5000]) {
        let mut writer = Limited { left: usize::MAX, waits: false };
        let some = ours.repository::<Many>().find(Many::ID.le(50_000).and(Many::NAME.ne("it's")));
        let format = CopyFormat::csv();
        DropAt::new(some.copy_out_raw(&format, &mut writer), pending).await;
    }
    serves(&ours, 2).await;
    direct.at_rest("raw_drops", 2).await;
}
