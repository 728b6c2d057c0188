//! Streams in pieces, of rows that borrow, and stopped early.

use std::num::NonZeroUsize;

use futures_util::{StreamExt, TryStreamExt};
use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, ErrorKind, PgTable};

use crate::support::{Direct, LONG, pool};

const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

#[derive(Debug, PgTable)]
#[pg(table = "n")]
struct Number {
    #[pg(primary_key)]
    n: i32,
}

#[pgrepo::test(sql = "CREATE TABLE n (n int4 PRIMARY KEY); INSERT INTO n SELECT generate_series(1, 10)")]
async fn chunks_have_one_size_and_the_last_is_short(db: Db) {
    let mut chunks = db.query("SELECT n FROM n ORDER BY n").stream::<i32>().await.unwrap().chunks(THREE);
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next_chunk().await.unwrap() {
        all.push(chunk);
    }
    assert_eq!(all, [vec![1, 2, 3], vec![4, 5, 6], vec![7, 8, 9], vec![10]]);

    let numbers = db.repository::<Number>();
    let limited = numbers.all().order_by(Number::N.asc()).limit(4).stream().await.unwrap().chunks(THREE);
    let sizes: Vec<usize> = limited.map_ok(|chunk| chunk.len()).try_collect().await.unwrap();
    assert_eq!(sizes, [3, 1]);
    let copied = numbers.copy_out().await.unwrap().chunks(THREE);
    let sizes: Vec<usize> = copied.map_ok(|chunk| chunk.len()).try_collect().await.unwrap();
    assert_eq!(sizes, [3, 3, 3, 1]);
    let mut none = numbers.find(Number::N.gt(10)).stream().await.unwrap().chunks(THREE);
    assert!(none.next_chunk().await.unwrap().is_none());

    let mut tx = db.begin().await.unwrap();
    let chunks = tx.query("SELECT n FROM n").stream::<i32>().await.unwrap().chunks(THREE);
    assert_eq!(chunks.map(|chunk| chunk.unwrap().len()).collect::<Vec<_>>().await, [3, 3, 3, 1]);
    tx.commit().await.unwrap();
}

#[pgrepo::test]
async fn the_rows_around_a_bad_one_are_not_lost(db: Db) {
    let sql = "SELECT CASE n WHEN 3 THEN NULL ELSE n END FROM generate_series(1, 5) n";
    let mut chunks = db.query(sql).stream::<i32>().await.unwrap().chunks(THREE);
    assert_eq!(chunks.next_chunk().await.unwrap().unwrap(), [1, 2]);
    let error = chunks.next_chunk().await.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Decode, Some(2)), "{error:?}");
    assert_eq!(chunks.next_chunk().await.unwrap().unwrap(), [4, 5]);
    assert!(chunks.next_chunk().await.unwrap().is_none());
}

#[pgrepo::test]
async fn rows_that_borrow_become_values(db: Db) {
    let rows = db.query("SELECT n::text, repeat('x', n) FROM generate_series(1, 3) n");
    let rows = rows.stream::<(&str, &str)>().await.unwrap();
    let made: Vec<String> = rows.map(|(n, text)| format!("{n}{text}")).try_collect().await.unwrap();
    assert_eq!(made, ["1x", "2xx", "3xxx"]);
    let json = db.query("SELECT '[1, 2]'::json").stream::<&serde_json::value::RawValue>().await.unwrap();
    let made: Vec<String> = json.map(|json| json.get().to_owned()).try_collect().await.unwrap();
    assert_eq!(made, ["[1, 2]"]);
}

#[pgrepo::test]
async fn a_value(db: Db) {
    assert_eq!(db.query("SELECT 7::int8").fetch_val::<i64>().await.unwrap(), 7);
    assert_eq!(db.query("SELECT NULL::int8").fetch_val::<Option<i64>>().await.unwrap(), None);
    let kind = |sql: &'static str| {
        let query = db.query(sql);
        async { query.fetch_val::<i64>().await.unwrap_err().kind() }
    };
    assert_eq!(kind("SELECT NULL::int8").await, ErrorKind::Decode);
    assert_eq!(kind("SELECT 1::int8 WHERE false").await, ErrorKind::NoRow);
    assert_eq!(kind("SELECT generate_series(1, 2)::int8").await, ErrorKind::ManyRows);
    assert_eq!(kind("SELECT 1::int8, 2").await, ErrorKind::Mismatch);
}

/// What the server does: the session of a stream that was stopped is ended, and the slot of a pool of one is free.
#[pgrepo::test]
async fn a_stream_that_is_stopped_early_ends_its_session_and_frees_its_slot(test: TestDatabase) {
    let db = pool(&test.url(), "stopped", 1).await;
    let mut server = Direct::to(&test).await;
    for round in 0..5 {
        let pid: i32 = db.query("SELECT pg_backend_pid()").fetch_val().await.unwrap();
        let rows = db.query("SELECT i, repeat('x', 1000) FROM generate_series(1, 100000000) i");
        if round % 2 == 0 {
            let mut rows = rows.stream::<(i32, &str)>().await.unwrap();
            rows.next().await.unwrap();
        } else {
            let mut chunks = rows.stream::<(i32, String)>().await.unwrap().chunks(THREE);
            assert_eq!(chunks.next_chunk().await.unwrap().unwrap().len(), 3);
        }
        let next: i32 = db.query("SELECT pg_backend_pid()").fetch_val().await.unwrap();
        assert_ne!(next, pid);
        let gone = format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})");
        server.within(LONG, "the stopped session has ended", &gone).await;
    }
    server.at_rest("stopped", 1).await;
}
