//! Where the rows of a merge come from, and how far it is.

use pgrepo::{Error, ErrorKind, LoadPhase, Progress};
use serde::Deserialize;

use super::*;

#[derive(Debug, Clone, PartialEq, PgTable, Deserialize)]
#[pg(table = "price")]
struct Price {
    #[pg(primary_key)]
    sku: String,
    cents: i32,
}

const PRICE: &str = "CREATE TABLE price (sku text PRIMARY KEY, cents int4 NOT NULL CHECK (cents >= 0))";

fn price(sku: &str, cents: i32) -> Price {
    Price { sku: sku.into(), cents }
}

/// A program's own error.
#[derive(Debug, PartialEq)]
enum Mine {
    Source,
    Database,
}

impl From<Error> for Mine {
    fn from(_: Error) -> Self {
        Self::Database
    }
}

#[pgrepo::test(sql = "")]
async fn rows_of_a_file_are_merged_and_a_bad_one_undoes_all(db: Db) {
    db.execute_script(PRICE).await.unwrap();
    let prices = db.repository::<Price>();
    let good = "sku,cents\na,1\nb,2\n";
    let read = |text: &'static str| pgrepo::csv::read::<Price, _>(text.as_bytes());
    assert_eq!(counts(prices.merge_try_stream(read(good)).execute().await.unwrap()), [2, 0, 0, 0, 0]);
    assert_eq!(prices.merge_try_stream(read(good)).fetch_all().await.unwrap().len(), 2);
    let error = prices.merge_try_stream(read("sku,cents\nc,1\na,x\n")).execute().await.unwrap_err();
    assert_eq!(error.row().and_then(|row| row.line()), Some(3), "{error:?}");
    let lines = "{\"sku\":\"a\",\"cents\":5}\n{\"sku\":\"z\",\"cents\":5}\n";
    let lines = pgrepo::ndjson::read::<Price, _>(lines.as_bytes());
    assert_eq!(counts(prices.update_many_try_stream(lines).execute().await.unwrap()), [0, 1, 0, 0, 1]);
    let report = prices.update_many_stream(stream::iter([price("b", 3)])).execute().await.unwrap();
    assert_eq!(counts(report), [0, 1, 0, 0, 0]);

    // The first row or a later one, and an error of the server's, all as the program's own.
    for rows in [vec![Err(Mine::Source)], vec![Ok(price("d", 1)), Err(Mine::Source), Ok(price("e", 1))]] {
        assert_eq!(prices.merge_try_stream(stream::iter(rows)).execute().await, Err(Mine::Source));
    }
    let rows = stream::iter([Ok::<_, Mine>(price("d", -1))]);
    assert_eq!(prices.merge_try_stream(rows).fetch_all().await, Err(Mine::Database));
    let mut all = prices.all().fetch_all().await.unwrap();
    all.sort_by(|a, b| a.sku.cmp(&b.sku));
    assert_eq!(all, [price("a", 5), price("b", 3)]);
}

#[pgrepo::test(sql = "")]
async fn a_merge_tells_how_far_it_is(db: Db) {
    db.execute_script(PRICE).await.unwrap();
    let prices = db.repository::<Price>();
    let (progress, seen) = Progress::channel();
    // The source looks at what has been told of the rows before.
    let mut last = (LoadPhase::Starting, 0, 0);
    let rows = (0..20_000).map(|id| {
        let now = seen.borrow();
        last = (now.phase, now.rows_sent, now.bytes_sent);
        price(&format!("sku {id}"), 1)
    });
    prices.merge(rows).progress(progress.clone()).execute().await.unwrap();
    assert!(last.0 == LoadPhase::Sending && (1..20_000).contains(&last.1) && last.2 > last.1, "{last:?}");
    let end = seen.borrow().clone();
    assert_eq!((end.phase, end.rows_sent, end.rows_stored), (LoadPhase::Stored, 20_000, 20_000));
    assert!(end.bytes_sent > 20_000, "{end:?}");
    let (none, seen_none) = Progress::channel();
    prices.merge([] as [Price; 0]).progress(none).execute().await.unwrap();
    assert_eq!((seen_none.borrow().phase, seen_none.borrow().rows_sent), (LoadPhase::Stored, 0));
    let failed = prices.update_many([price("sku 1", -1)]).progress(progress).execute().await.unwrap_err();
    assert_eq!((failed.kind(), seen.borrow().phase), (ErrorKind::Copy, LoadPhase::Failed));
}
