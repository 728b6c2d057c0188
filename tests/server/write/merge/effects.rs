//! Merges in transactions, merges that are dropped, and merges whose connection breaks.

use pgrepo::testkit::{Cut, Message, TestDatabase};
use pgrepo::{Error, ErrorKind, FaultClass};

use super::*;
use crate::support::{Direct, DropAt, config, pool, proxy, serves};

#[pgrepo::test(sql = "")]
async fn several_merges_in_one_transaction_and_its_savepoints(db: Db) {
    db.execute_script(SEATS).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let batch = [seat(1, "A", Some("1")), seat(2, "A", Some("2"))];
    assert_eq!(counts(tx.repository::<Seat>().merge(&batch).execute().await.unwrap()), [2, 0, 0, 0, 0]);
    let next = [seat(2, "A", Some("3")), seat(3, "A", Some("3"))];
    let undone = tx
        .savepoint(async |tx| {
            assert_eq!(counts(tx.repository::<Seat>().merge(&next).execute().await?), [1, 1, 0, 0, 0]);
            tx.query("SELECT 1 / 0").execute().await
        })
        .await;
    assert_eq!(undone.unwrap_err().kind(), ErrorKind::Query);
    assert_eq!(tx.repository::<Seat>().get((2, "A")).await.unwrap().unwrap(), batch[1]);
    let twice = tx.repository::<Seat>().merge(batch.iter().chain(&batch)).execute().await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Copy);
    let merged = tx.repository::<Seat>().merge(&next).fetch_all().await.unwrap();
    assert_eq!((merged[0].outcome, merged[1].outcome), (MergeOutcome::Updated, MergeOutcome::Inserted));
    assert_eq!(counts(tx.repository::<Seat>().update_many(&batch).execute().await.unwrap()), [0, 1, 1, 0, 0]);
    assert_eq!(tx.repository::<Seat>().delete_many([(1, "A")]).execute().await.unwrap().deleted, 1);
    tx.commit().await.unwrap();
    let all = db.repository::<Seat>().all().order_by(Seat::ROW.asc()).fetch_all().await.unwrap();
    assert_eq!(all, [batch[1].clone(), next[1].clone()]);
    let mut tx = db.begin().await.unwrap();
    tx.repository::<Seat>().merge(&next).execute().await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(db.repository::<Seat>().get((2, "A")).await.unwrap().unwrap(), batch[1]);
}

#[pgrepo::test(sql = "")]
async fn a_source_that_yields_what_cannot_be_sent_stores_nothing(db: Db) {
    db.execute_script(SEATS).await.unwrap();
    let seats = db.repository::<Seat>();
    // Some pieces have been sent by then.
    let rows = (0..5_000).map(|i| seat(i, if i == 4_000 { "\0" } else { "A" }, Some("who")));
    let error = seats.merge(rows).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.row(), error.field()), (ErrorKind::Encode, Some(4_000), Some("letter")));
    assert_eq!(error.to_string().matches("nothing is stored").count(), 1, "{error}");
    assert_eq!(seats.all().count().await.unwrap(), 0);
    serves(&db, 1).await;
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "seats")]
struct WrongSeat {
    #[pg(primary_key)]
    row: i32,
    #[pg(primary_key)]
    letter: String,
    /// It may be NULL in the table.
    who: String,
}

#[derive(PgInsert)]
#[pg(of = WrongSeat)]
struct Unnamed {
    row: i32,
    letter: &'static str,
}

#[pgrepo::test(sql = "")]
async fn a_row_that_cannot_be_read_back_undoes_the_merge(db: Db) {
    db.execute_script(SEATS).await.unwrap();
    let rows = [Unnamed { row: 1, letter: "A" }, Unnamed { row: 2, letter: "A" }];
    let error = db.repository::<WrongSeat>().merge(&rows).fetch_all().await.unwrap_err();
    assert_eq!((error.kind(), error.row(), error.field()), (ErrorKind::Decode, Some(0), Some("who")), "{error:?}");
    assert_eq!(db.repository::<Seat>().all().count().await.unwrap(), 0);
    serves(&db, 1).await;
}

const NAME: &str = "merge";

#[pgrepo::test]
async fn fault_02_every_await_of_a_merge_can_be_the_last(database: TestDatabase) {
    let mut direct = Direct::to(&database).await;
    direct.run(SEATS).await;
    direct.run("INSERT INTO seats SELECT 'A', i, 'old' FROM generate_series(0, 49) i").await;
    let proxy = proxy(&database).await;
    proxy.latency(std::time::Duration::from_millis(1));
    let ours = pool(&proxy.url(database.name()), NAME, 1).await;
    let (mut pending, mut dropped) = (1, 0);
    loop {
        let rows = (0..100).map(|i| seat(i, "A", Some("new")));
        let merge = ours.repository::<Seat>().merge(rows);
        let outcome = match pending % 2 {
            0 => DropAt::new(merge.fetch_all(), pending).await.map(|merged| merged.map(|all| all.len())),
            _ => DropAt::new(merge.execute(), pending).await.map(|report| report.map(|_| 100)),
        };
        // What a COMMIT that was sent does is seen once the session has ended.
        direct.at_rest(NAME, 1).await;
        let (new, all): (i64, i64) = (
            direct.one("SELECT count(*) FROM seats WHERE who = 'new'").await,
            direct.one("SELECT count(*) FROM seats").await,
        );
        match outcome {
            Some(done) => {
                assert_eq!((done.unwrap(), new, all), (100, 100, 100));
                break;
            }
            None => {
                assert!((new, all) == (0, 50) || (new, all) == (100, 100), "{new} of {all} at {pending}");
                dropped += u32::from(new == 0);
                direct.run("DELETE FROM seats WHERE row >= 50; UPDATE seats SET who = 'old'").await;
            }
        }
        pending += 1;
    }
    assert!(dropped > 10, "{dropped}");
    serves(&ours, 1).await;
}

fn commit() -> Message {
    Message::Sql("COMMIT".into())
}

#[pgrepo::test]
async fn fault_21_a_merge_whose_commit_is_not_answered_is_found_out_about(database: TestDatabase) {
    let mut direct = Direct::to(&database).await;
    direct.run(SEATS).await;
    let proxy = proxy(&database).await;
    let ours = Db::connect(config(&proxy.url(database.name()), NAME, 2)).await.unwrap();
    let seats = ours.repository::<Seat>();
    let rows = |letter: &str| [seat(1, letter, None), seat(2, letter, None)];
    proxy.cut(Cut::after(commit()));
    assert_eq!(counts(seats.merge(rows("A")).execute().await.unwrap()), [2, 0, 0, 0, 0]);
    proxy.cut(Cut::after(commit()));
    assert_eq!(seats.merge(rows("B")).fetch_all().await.unwrap().len(), 2);
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM seats").await, 4);
    proxy.cut(Cut::before(commit()));
    let error: Error = seats.merge(rows("C")).execute().await.unwrap_err();
    assert_eq!((error.operation(), error.fault_class()), (Some("merge"), FaultClass::RolledBack), "{error:?}");
    assert!(error.is_retryable() && error.tx_id().is_some(), "{error:?}");
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM seats").await, 4);
    // Before it, nothing can be stored.
    proxy.cut(Cut::before(Message::Sql("SELECT pg_catalog.pg_advisory_xact_lock_shared".into())));
    let error = seats.merge(rows("C")).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class()), (ErrorKind::Connection, FaultClass::RolledBack), "{error:?}");
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM seats").await, 4);
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}
