//! Statements that tests count.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pgrepo::testkit::{Queries, TestDatabase};
use pgrepo::{Commit, Db, Error, Statement, assert_queries};

use super::{Town, town, towns};
use crate::support::pool;

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn each_statement_counts_once_whatever_its_rows(db: Db) {
    let all = || db.repository::<Town>();
    assert_queries!(0, db, async {});
    assert_queries!(1, db, all().get(1)).unwrap();
    assert_queries!(1, &db, all().get_many(1..10)).unwrap();
    assert_queries!(1, db, all().all().fetch_all()).unwrap();
    assert_queries!(1, db, all().insert_many(towns(20..30))).unwrap();
    assert_queries!(1, db, all().delete_where(Town::ID.between(20, 29)).execute()).unwrap();
    assert_queries!(1, db, db.execute_script("SELECT 1; SELECT 2")).unwrap();
    assert_queries!(1, db, all().copy_in(towns(100..9000))).unwrap();
    assert_queries!(1, db, async { all().copy_out().await?.for_each(|_| Ok(())).await }).unwrap();
    // A query for each row of another.
    let names = assert_queries!(11, db, async {
        let mut names = Vec::new();
        for id in db.query("SELECT id FROM geo.towns WHERE id <= 10").fetch_all::<i64>().await? {
            names.extend(all().get(id).await?);
        }
        Ok::<_, Error>(names)
    });
    assert_eq!(names.unwrap().len(), 10);
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn what_a_transaction_begins_and_ends_with_does_not_count(db: Db) {
    let work = async |tx: &mut pgrepo::Tx| {
        tx.repository::<Town>().insert(town(20, "x")).await?;
        tx.savepoint(async |tx| tx.repository::<Town>().delete(20).await).await
    };
    assert_queries!(2, db, db.transaction(work)).unwrap();
    let statements = ["SELECT 1", "SELECT 2", "SELECT 3"].map(Statement::new);
    assert_queries!(3, db, db.execute_each(&statements)).unwrap();
    // A COPY for each batch.
    let load = db.repository::<Town>().load(towns(100..130)).batch_rows(10).commit(Commit::EachBatch);
    let queries = Queries::begin(&db);
    load.collect().await.unwrap();
    let texts = queries.texts();
    assert!(texts.len() == 3 && texts.iter().all(|sql| sql.starts_with("COPY")), "{texts:?}");
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn a_difference_lists_the_statements_without_values(db: Db) {
    let queries = Queries::begin(&db);
    db.repository::<Town>().get(424_242).await.unwrap();
    db.query("SELECT $1::text").bind("canary").fetch_val::<String>().await.unwrap();
    queries.assert(2);
    let failed = catch_unwind(AssertUnwindSafe(|| queries.assert(1))).unwrap_err();
    let message = failed.downcast_ref::<String>().unwrap();
    let lines: Vec<_> = message.lines().collect();
    assert_eq!(lines.len(), 3, "{message}");
    assert_eq!(lines[0], "1 statements were expected, and 2 were sent:");
    assert!(lines[1].starts_with("   1. get: SELECT"), "{message}");
    assert_eq!(lines[2], "   2. fetch_val: SELECT $1::text");
    assert!(!message.contains("canary") && !message.contains("424242"), "{message}");
}

#[pgrepo::test]
async fn databases_are_counted_each_by_itself(test: TestDatabase) {
    let (ours, theirs) = (pool(&test.url(), "ours", 2).await, pool(&test.url(), "theirs", 2).await);
    let both = async { tokio::join!(ours.query("SELECT 1").execute(), theirs.query("SELECT 2").execute()) };
    let outer = Queries::begin(&ours.clone());
    let (one, two) = assert_queries!(1, ours, both);
    one.unwrap();
    two.unwrap();
    assert_queries!(0, ours, theirs.query("SELECT 3").execute()).unwrap();
    assert_queries!(1, ours, ours.query("SELECT 4").execute()).unwrap();
    assert_eq!(outer.texts(), ["SELECT 1", "SELECT 4"]);
    drop(outer);
    // What nobody counted is not kept for whoever comes next.
    ours.query("SELECT 5").execute().await.unwrap();
    assert!(Queries::begin(&ours).texts().is_empty());
}
