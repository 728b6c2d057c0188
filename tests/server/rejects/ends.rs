//! How a load ends before its time, and what it leaves.

use std::error::Error as _;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use pgrepo::testkit::{Cut, Message, TestDatabase};
use pgrepo::{
    Commit, CopyInOptions, Db, Error, ErrorKind, FaultClass, PgTable, RowError, SourceError, TxOutcome, WithDeadline,
};
use tokio::time::timeout;

use super::{Kind, PARCEL, Parcel, parcel, set_up, stored};
use crate::support::{Direct, DropAt, LONG, config, pool, proxy};

/// How long a pool waits for a server that nobody gets through to.
const PATIENCE: Duration = Duration::from_secs(1);

/// Rows of which every tenth is bad.
pub(super) fn rows(size: i64) -> impl Iterator<Item = Parcel> {
    (0..size).map(|id| {
        let mut row = parcel(id);
        if id % 10 == 9 {
            Kind::Domain.spoil(&mut row, &parcel(0));
        }
        row
    })
}

fn committed(error: &Error) -> (u64, u64, u64, u64) {
    let committed = error.committed().unwrap();
    (committed.batches, committed.rows, committed.rejected, committed.settled)
}

#[pgrepo::test]
async fn past_the_budget_nothing_is_stored_or_the_batches_are_named(db: Db) {
    set_up(&db).await;
    let parcels = db.repository::<Parcel>();
    let error = parcels.load(rows(100)).max_rejects(4).collect().await.unwrap_err();
    assert_eq!((error.kind(), error.row(), committed(&error)), (ErrorKind::Copy, Some(49), (0, 0, 0, 0)), "{error:?}");
    assert_eq!(error.sqlstate().unwrap().as_str(), "23514", "the last reject is the cause");
    assert!(error.to_string().contains("more than 4 rows were rejected"), "{error}");
    assert!(stored(&db).await.is_empty());

    let load = parcels.load(rows(100)).max_rejects(4).batch_rows(20).commit(Commit::EachBatch);
    let error = load.collect().await.unwrap_err();
    assert_eq!((committed(&error), stored(&db).await.len()), ((2, 36, 4, 40), 36), "{error:?}");
    assert_eq!((error.fault_class(), error.is_retryable()), (FaultClass::Indeterminate, false));
    let text = error.to_string();
    assert!(text.ends_with("2 batches with 36 rows are stored, and the source's first 40 rows are settled"), "{text}");
    // The load goes on where it ended.
    let settled = usize::try_from(error.committed().unwrap().settled).unwrap();
    let (report, _) = parcels.load(rows(100).skip(settled)).collect().await.unwrap();
    assert_eq!((report.rows, stored(&db).await.len()), (54, 90));
    db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();

    let error = parcels.load(rows(100)).max_reject_share(0.09).collect().await.unwrap_err();
    assert!(error.to_string().contains("10 of 100 rows were rejected, a larger share than 0.09"), "{error}");
    assert!(stored(&db).await.is_empty());
    let (report, _) = parcels.load(rows(100)).max_reject_share(0.1).collect().await.unwrap();
    assert_eq!(report.rows, 90);
}

#[pgrepo::test]
async fn settings_that_make_no_sense_are_refused(db: Db) {
    set_up(&db).await;
    let load = || db.repository::<Parcel>().load(rows(1));
    for load in [load().batch_rows(0), load().batch_bytes(0), load().max_reject_share(1.5)] {
        let error = load.collect().await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Config, Some("load")), "{error:?}");
    }
    let mut tx = db.begin().await.unwrap();
    let error = tx.repository::<Parcel>().load(rows(1)).commit(Commit::EachBatch).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    let (report, _) = tx.repository::<Parcel>().load(rows(1)).collect().await.unwrap();
    assert_eq!(report.rows, 1);
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await, [0]);
}

#[pgrepo::test]
async fn in_a_transaction_the_load_is_a_part_of_it(db: Db) {
    set_up(&db).await;
    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO owner VALUES (500)").execute().await.unwrap();
    let (report, rejects) = tx.repository::<Parcel>().load(rows(50)).batch_rows(20).collect().await.unwrap();
    assert_eq!((report.rows, report.batches, rejects.len()), (45, 3, 5));
    let error = tx.repository::<Parcel>().load(rows(50)).max_rejects(0).collect().await.unwrap_err();
    assert_eq!(error.committed().unwrap().batches, 0, "{error:?}");
    // What was deferred is deferred again.
    tx.query("UPDATE parcel SET rank = 1 WHERE id = 0").execute().await.unwrap();
    tx.query("UPDATE parcel SET rank = 0 WHERE id = 1").execute().await.unwrap();
    assert!(stored(&db).await.is_empty());
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await.len(), 45);

    // A violation that was there before is not blamed on the rows.
    let mut tx = db.begin().await.unwrap();
    tx.query("UPDATE parcel SET rank = 1 WHERE id = 1").execute().await.unwrap();
    let error = tx.repository::<Parcel>().load([parcel(60)]).collect().await.unwrap_err();
    assert!(error.to_string().contains("what the transaction did before"), "{error:?}");
    tx.rollback().await.unwrap();
}

#[pgrepo::test]
async fn a_source_that_fails_panics_or_ends_early(db: Db) {
    set_up(&db).await;
    let parcels = db.repository::<Parcel>();
    for (commit, left) in [(Commit::Whole, (0, 0, 0, 0)), (Commit::EachBatch, (3, 27, 3, 30))] {
        let failing = |at: usize, how: fn() -> Result<Parcel, SourceError>| {
            let source = stream::iter(rows(100).enumerate());
            source.map(move |(nth, row)| if nth == at { how() } else { Ok(row) })
        };
        let load = |how| parcels.load_try_stream(failing(35, how)).batch_rows(10).commit(commit);
        let error = load(|| Err(std::io::Error::other("the disk is gone").into())).collect().await.unwrap_err();
        assert_eq!((error.kind(), error.row(), committed(&error)), (ErrorKind::Copy, Some(35), left), "{error:?}");
        assert!(error.source().unwrap().is::<std::io::Error>());
        db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();

        let error = load(|| panic!("the source is broken")).collect().await.unwrap_err();
        assert_eq!((error.kind(), error.row(), committed(&error)), (ErrorKind::Copy, Some(35), left), "{error:?}");
        assert!(error.to_string().contains("the source panicked, so the load ends: the source is broken"), "{error}");
        assert_eq!(stored(&db).await.len() as u64, left.1);
        db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();

        let options = CopyInOptions::default().expected_rows(100);
        let load = parcels.load(rows(35)).options(options).batch_rows(10).commit(commit);
        let error = load.collect().await.unwrap_err();
        assert!(error.to_string().contains("100 rows were announced and 35 came"), "{error}");
        assert_eq!((committed(&error), stored(&db).await.len() as u64), (left, left.1));
        db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();
    }
    db.ping().await.unwrap();
}

#[pgrepo::test]
async fn a_source_that_never_ends_is_bounded(db: Db) {
    set_up(&db).await;
    let parcels = db.repository::<Parcel>();
    let silent = stream::iter((0..25).map(parcel)).chain(stream::pending());
    let limit = Duration::from_millis(300);
    let load = parcels.load_stream(silent).batch_rows(10).commit(Commit::EachBatch).time_limit(limit);
    let error = load.collect().await.unwrap_err();
    assert_eq!((error.kind(), committed(&error)), (ErrorKind::Timeout, (2, 20, 0, 20)), "{error:?}");
    db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();

    let endless = (0..).map(parcel);
    let error = parcels.load(endless.clone()).time_limit(limit).collect().await.unwrap_err();
    assert_eq!((error.kind(), committed(&error).0), (ErrorKind::Timeout, 0), "{error:?}");
    let error = parcels.load(endless).collect().with_deadline(limit).await.unwrap_err();
    assert!(error.is_timeout());
    assert!(stored(&db).await.is_empty());

    // The limit is the source's: what the server does with its last rows may take longer.
    db.execute_script(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END $$; \
         CREATE TRIGGER dawdle BEFORE INSERT ON parcel FOR EACH ROW WHEN (NEW.id % 2 = 0) EXECUTE FUNCTION dawdle()",
    )
    .await
    .unwrap();
    let (report, _) = parcels.load(rows(10)).time_limit(limit).collect().await.unwrap();
    assert_eq!((report.rows, report.rejected), (9, 1));
}

/// Rejects that are committed before the first good row.
#[pgrepo::test]
async fn fault_21_a_commit_of_early_rejects_that_is_not_answered_is_asked_about(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(PARCEL).await;
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), "early", 2).await;
    let source = || {
        let bad = (0..25).map(|_| Err(SourceError::from(RowError::new("no row"))));
        stream::iter(bad.chain([Ok(parcel(1))]))
    };
    let load = || ours.repository::<Parcel>().load_try_stream(source()).batch_rows(10).commit(Commit::EachBatch);
    let written = "SELECT count(*) FROM rejects";
    proxy.cut(Cut::after(Message::Sql("COMMIT".into())));
    let report = load().to_table("rejects").with_deadline(LONG).await.unwrap();
    assert_eq!((report.rows, report.rejected, direct.one::<i64>(written).await), (1, 25, 25));
    direct.run("TRUNCATE rejects; DELETE FROM parcel WHERE id >= 0").await;
    proxy.heal();
    proxy.cut(Cut { nth: 2, ..Cut::before(Message::Sql("COMMIT".into())) });
    let error = load().to_table("rejects").with_deadline(LONG).await.unwrap_err();
    assert_eq!((error.kind(), committed(&error)), (ErrorKind::Transaction, (1, 0, 10, 10)), "{error:?}");
    assert!(!error.committed().unwrap().unknown && error.tx_id().is_some(), "{error:?}");
    assert_eq!(direct.one::<i64>(written).await, 10);
}

#[pgrepo::test]
async fn a_load_that_is_dropped_leaves_nothing_but_committed_batches(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(PARCEL).await;
    // Each answer is waited for, so that there are as many points as there are answers.
    let proxy = proxy(&db).await;
    proxy.latency(Duration::from_millis(1));
    let ours = pool(&proxy.url(db.name()), "dropped", 2).await;
    for (commit, batch) in [(Commit::Whole, 0), (Commit::EachBatch, 9)] {
        let mut ended = 0;
        for pending in 1.. {
            let load = ours.repository::<Parcel>().load(rows(40)).batch_rows(10).commit(commit);
            let done = DropAt::new(load.collect(), pending).await.is_some();
            direct.at_rest("dropped", 2).await;
            let there = direct.one::<i64>("SELECT count(*) FROM parcel WHERE id >= 0").await;
            assert!(if batch == 0 { there == 0 || there == 36 } else { there % batch == 0 }, "{pending}: {there}");
            direct.run("DELETE FROM parcel WHERE id >= 0").await;
            ended = pending;
            if done {
                assert_eq!(there, 36);
                break;
            }
        }
        assert!(ended > 10, "it was dropped at {ended} points only");
    }
}

#[pgrepo::test]
async fn a_connection_that_breaks_ends_the_load_and_says_what_is_stored(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(PARCEL).await;
    let proxy = proxy(&db).await;
    let mut config = config(&proxy.url(db.name()), "broken", 2);
    config.retry = pgrepo::RetryConfig::off();
    let ours = Db::connect(config).await.unwrap();
    // Messages of COPY data: a batch has one, and one more for the rows before its bad one.
    for nth in [1, 2, 5, 8] {
        for (commit, whole) in [(Commit::Whole, true), (Commit::EachBatch, false)] {
            proxy.cut(Cut { nth, ..Cut::before(Message::Type(b'd')) });
            let load = ours.repository::<Parcel>().load(rows(40)).batch_rows(10).commit(commit);
            let error = load.collect().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connection, "{nth}: {error:?}");
            let (_, left, ..) = committed(&error);
            assert!(if whole { left == 0 } else { left % 9 == 0 }, "{error:?}");
            assert_eq!(error.is_retryable(), left == 0, "{error:?}");
            direct.at_rest("broken", 2).await;
            let there = direct.one::<i64>("SELECT count(*) FROM parcel WHERE id >= 0").await;
            assert_eq!(there.unsigned_abs(), left, "{error:?}");
            direct.run("DELETE FROM parcel WHERE id >= 0").await;
            proxy.heal();
        }
    }
}

#[pgrepo::test]
async fn a_commit_that_is_not_answered_is_asked_about(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(PARCEL).await;
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), "commits", 2).await;
    let commit = || Message::Sql("COMMIT".into());
    for each in [Commit::Whole, Commit::EachBatch] {
        // It was committed: the load goes on with another connection.
        proxy.cut(Cut::after(commit()));
        let load = ours.repository::<Parcel>().load(rows(40)).batch_rows(10).commit(each);
        let (report, rejects) = load.collect().with_deadline(LONG).await.unwrap();
        assert_eq!((report.rows, rejects.len()), (36, 4), "{each:?}");
        assert_eq!(direct.one::<i64>("SELECT count(*) FROM parcel WHERE id >= 0").await, 36);
        direct.run("DELETE FROM parcel WHERE id >= 0").await;
        proxy.heal();
    }
    for (each, nth, left) in [(Commit::Whole, 1, 0), (Commit::EachBatch, 3, 18)] {
        proxy.cut(Cut { nth, ..Cut::before(commit()) });
        let load = ours.repository::<Parcel>().load(rows(40)).batch_rows(10).commit(each);
        let error = load.collect().with_deadline(LONG).await.unwrap_err();
        assert_eq!((error.kind(), committed(&error).1), (ErrorKind::Transaction, left), "{error:?}");
        assert_eq!(error.is_retryable(), left == 0, "{error:?}");
        assert_eq!(direct.one::<i64>("SELECT count(*) FROM parcel WHERE id >= 0").await.unsigned_abs(), left);
        direct.run("DELETE FROM parcel WHERE id >= 0").await;
        proxy.heal();
    }
}

#[pgrepo::test]
async fn fault_21_a_commit_that_cannot_be_asked_about_is_told_to_be_unknown(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(PARCEL).await;
    let proxy = proxy(&db).await;
    let commit = || Message::Sql("COMMIT".into());
    for forwarded in [true, false] {
        for (each, nth, left) in [
            (Commit::Whole, 1, (0, 0, 0, 0)),
            (Commit::EachBatch, 1, (0, 0, 0, 0)),
            (Commit::EachBatch, 3, (2, 18, 2, 20)),
        ] {
            let mut config = config(&proxy.url(db.name()), "unknown", 1);
            (config.acquire_timeout, config.connect_timeout) = (PATIENCE, PATIENCE);
            let ours = Db::connect(config).await.unwrap();
            let cut = if forwarded { Cut::after(commit()) } else { Cut::before(commit()) };
            proxy.cut(Cut { nth, ..cut });
            // Nobody gets through to the server any more, once the load has its connection.
            let rows = rows(40).inspect(|row| proxy.close_new(row.id > 5));
            let load = ours.repository::<Parcel>().load(rows).batch_rows(10).commit(each);
            let error = load.collect().await.unwrap_err();
            assert_eq!((error.kind(), committed(&error)), (ErrorKind::Transaction, left), "{error:?}");
            assert!(error.committed().unwrap().unknown, "{error:?}");
            assert_eq!((error.fault_class(), error.is_retryable()), (FaultClass::Indeterminate, false));
            let (text, id) = (error.to_string(), error.tx_id().unwrap());
            assert!(text.ends_with(" is unknown") && !text.contains("nothing of the load is stored"), "{text}");
            proxy.heal();
            // Later it can be found out.
            let outcome = timeout(LONG, async {
                loop {
                    match ours.outcome(id).await {
                        Ok(TxOutcome::InProgress) | Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                        Ok(outcome) => return outcome,
                    }
                }
            });
            let stored = outcome.await.unwrap() == TxOutcome::Committed;
            assert_eq!(stored, forwarded);
            let more = if !forwarded {
                0
            } else if each == Commit::Whole {
                36
            } else {
                9
            };
            let there = direct.one::<i64>("SELECT count(*) FROM parcel WHERE id >= 0").await;
            assert_eq!(there.unsigned_abs(), left.1 + more, "{each:?}, {nth}");
            direct.run("DELETE FROM parcel WHERE id >= 0").await;
        }
    }
}

#[pgrepo::test]
async fn a_deferred_constraint_that_shares_its_name_refuses_the_load_in_a_transaction(db: Db) {
    set_up(&db).await;
    // A check cannot be deferred; and a key that is not deferred now is not the load's business.
    for other in [
        "CONSTRAINT parcel_second_fkey CHECK (owner > 0)",
        "CONSTRAINT parcel_second_fkey FOREIGN KEY (owner) REFERENCES owner DEFERRABLE",
        "CONSTRAINT parcel_second_fkey FOREIGN KEY (owner) REFERENCES owner DEFERRABLE INITIALLY DEFERRED",
    ] {
        db.execute_script(&format!("CREATE TABLE other (owner int4, {other})")).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let error = tx.repository::<Parcel>().load(rows(20)).collect().await.unwrap_err();
        assert_eq!((error.kind(), error.table()), (ErrorKind::Mismatch, Some("parcel")), "{other}: {error:?}");
        assert!(error.to_string().contains("public.parcel_second_fkey is not the only one of its name"), "{error}");
        tx.query("SELECT 1").fetch_one::<i32>().await.unwrap();
        tx.commit().await.unwrap();
        let (report, _) = db.repository::<Parcel>().load(rows(20)).collect().await.unwrap();
        assert_eq!(report.rows, 18, "{other}");
        db.execute_script("DELETE FROM parcel WHERE id >= 0; DROP TABLE other").await.unwrap();
    }
    // One of another schema is another one.
    db.execute_script(
        "CREATE SCHEMA far; CREATE TABLE far.other (n int4, CONSTRAINT parcel_second_fkey CHECK (n > 0))",
    )
    .await
    .unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.repository::<Parcel>().load(rows(20)).collect().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await.len(), 18);
}

#[pgrepo::test]
async fn a_partitioned_table_s_deferred_constraints_are_its_own(db: Db) {
    db.execute_script(
        "CREATE TABLE owner (id int4 PRIMARY KEY); INSERT INTO owner VALUES (1); \
         CREATE TABLE part (id int8, owner int4 REFERENCES owner DEFERRABLE INITIALLY DEFERRED) PARTITION BY RANGE (id); \
         CREATE TABLE low PARTITION OF part FOR VALUES FROM (0) TO (10); \
         CREATE TABLE high PARTITION OF part FOR VALUES FROM (10) TO (20)",
    )
    .await
    .unwrap();
    #[derive(Debug, PgTable)]
    #[pg(table = "part")]
    struct Part {
        id: i64,
        owner: i32,
    }
    let mut tx = db.begin().await.unwrap();
    let rows = (0..20).map(|id| Part { id, owner: if id == 13 { 2 } else { 1 } });
    let (report, rejects) = tx.repository::<Part>().load(rows).collect().await.unwrap();
    assert_eq!((report.rows, rejects.len(), rejects[0].index), (19, 1, 13), "{rejects:?}");
    tx.commit().await.unwrap();
}
