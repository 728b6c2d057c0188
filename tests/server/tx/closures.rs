use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use pgrepo::{CopyOut, Db, ErrorKind, FaultClass, Isolation, OwnedRow, PgTable, RetryConfig, Tx, TxOptions, WriteRow};

use super::{Line, stored, table};

/// An error of a program's own, which says nothing of pgrepo's.
#[derive(Debug, PartialEq)]
enum Refusal {
    Mine,
    Database,
}

impl From<pgrepo::Error> for Refusal {
    fn from(_: pgrepo::Error) -> Self {
        Self::Database
    }
}

#[pgrepo::test]
async fn a_closure_is_committed_where_it_is_content_and_rolled_back_where_it_is_not(db: Db) {
    table(&db).await;
    let (mut runs, name) = (0, String::from("kept"));
    let back = db
        .transaction(async |tx| {
            runs += 1;
            tx.repository::<Line>().insert(Line { id: 1 }).await?;
            Ok::<_, pgrepo::Error>(name)
        })
        .await;
    assert_eq!((back.unwrap().as_str(), runs), ("kept", 1));
    let refused = db
        .transaction(async |tx| {
            tx.repository::<Line>().insert(Line { id: 2 }).await?;
            Err::<(), _>(Refusal::Mine)
        })
        .await;
    assert_eq!(refused, Err(Refusal::Mine));
    let failed = db.transaction(async |tx| tx.query("SELECT 1 / 0").execute().await.map_err(Refusal::from)).await;
    assert_eq!(failed, Err(Refusal::Database));
    assert_eq!(stored(&db).await, [1]);
}

#[pgrepo::test]
async fn a_panic_in_a_closure_rolls_back_and_goes_on(db: Db) {
    table(&db).await;
    let transaction = db.transaction::<_, (), pgrepo::Error>(async |tx| {
        tx.repository::<Line>().insert(Line { id: 1 }).await?;
        panic!("mine");
    });
    let panic = AssertUnwindSafe(transaction).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"mine"));
    let mut tx = db.begin().await.unwrap();
    tx.repository::<Line>().insert(Line { id: 2 }).await.unwrap();
    let panic = AssertUnwindSafe(tx.savepoint::<_, (), pgrepo::Error>(async |tx| {
        tx.repository::<Line>().insert(Line { id: 3 }).await?;
        panic!("mine");
    }));
    panic.catch_unwind().await.unwrap_err();
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await, [2]);
}

#[pgrepo::test]
async fn a_swallowed_failure_is_told_at_the_end(db: Db) {
    table(&db).await;
    let error = db
        .transaction(async |tx| {
            let _swallowed = tx.query("SELECT 1 / 0").execute().await;
            Ok::<_, pgrepo::Error>(())
        })
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Transaction, Some("commit")), "{error:?}");
    assert_eq!(error.sqlstate().unwrap().as_str(), "25P02");
}

/// Takes the place of a closure, by its name.
async fn by_name(tx: &mut Tx) -> pgrepo::Result<u64> {
    tx.query("INSERT INTO t VALUES (100)").execute().await
}

/// All that runs on a transaction, for any table.
async fn everything<R>(db: Db, row: R) -> pgrepo::Result<usize>
where
    R: PgTable + WriteRow<Table = R> + CopyOut + OwnedRow + Clone + Send + Sync + 'static,
{
    let once = db.transaction(async |tx| {
        tx.savepoint(async |tx| {
            tx.savepoint(async |tx| {
                tx.repository::<R>().copy_in([&row]).await?;
                tx.savepoint(async |tx| tx.repository::<R>().all().fetch_all().await).await
            })
            .await
        })
        .await
    });
    let count = once.await?.len();
    let again = db.transaction_with(TxOptions::default(), async |tx| {
        let back = tx.repository::<R>().all().fetch_all().await?;
        let rows = &back;
        tx.repository::<R>().copy_in(rows).await?;
        tx.savepoint(async |tx| {
            let mut out = tx.repository::<R>().copy_out().await?;
            let mut count = 0;
            while out.next().await?.is_some() {
                count += 1;
            }
            Ok::<_, pgrepo::Error>(count)
        })
        .await
    });
    Ok(count + again.await?)
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "lines")]
struct Loose {
    id: i64,
}

#[pgrepo::test(flavor = "multi_thread")]
async fn closures_run_in_spawned_tasks_from_generic_code(db: Db) {
    table(&db).await;
    db.execute_script("CREATE TABLE lines (id int8 NOT NULL)").await.unwrap();
    let seen = tokio::spawn(everything(db.clone(), Loose { id: 7 })).await.unwrap().unwrap();
    assert_eq!(seen, 1 + 2);
    let task = tokio::spawn({
        let db = db.clone();
        async move {
            db.transaction(by_name).await?;
            db.transaction(async move |tx| tx.query("INSERT INTO t VALUES (101)").execute().await).await?;
            db.transaction_with(TxOptions::default(), async |tx: &mut Tx| tx.query("TABLE t").execute().await).await
        }
    });
    assert_eq!(task.await.unwrap().unwrap(), 2);
}

/// Runs again at once, so that tests need not wait.
fn at_once(attempts: u32) -> TxOptions {
    let zero = std::time::Duration::ZERO;
    TxOptions::default().retry(RetryConfig {
        attempts,
        first_delay: zero,
        greatest_delay: zero,
        ..RetryConfig::default()
    })
}

const CONFLICT: &str = "DO $$ BEGIN RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001'; END $$";

#[pgrepo::test]
async fn a_closure_runs_again_for_what_may_pass_whatever_its_error_says(db: Db) {
    table(&db).await;
    // More often than the budget has repetitions: conflicts are no outage.
    let (options, runs) = (at_once(40), AtomicU32::new(0));
    let done = db.transaction_with(options.clone(), async |tx| {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        tx.query("INSERT INTO t VALUES ($1)").bind(i64::from(run)).execute().await?;
        if run < 30 {
            tx.execute_script(CONFLICT).await?;
        }
        Ok::<_, Refusal>(run)
    });
    assert_eq!(done.await, Ok(30));
    assert_eq!(stored(&db).await, [30]);

    // What else fails runs once.
    for (sql, kind) in [("SELECT 1 / 0", ErrorKind::Query), ("INSERT INTO t VALUES (30)", ErrorKind::Query)] {
        let runs = AtomicU32::new(0);
        let error = db.transaction_with(options.clone(), async |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.execute_script(sql).await
        });
        assert_eq!(error.await.unwrap_err().kind(), kind, "{sql}");
        assert_eq!(runs.into_inner(), 1, "{sql}");
    }
}

#[pgrepo::test]
async fn an_error_of_a_closure_says_how_often_it_was_run(db: Db) {
    table(&db).await;
    let gave_up = db.transaction_with(at_once(3), async |tx| tx.execute_script(CONFLICT).await);
    let error = gave_up.await.unwrap_err();
    assert_eq!((error.attempts(), error.is_serialization_failure()), (3, true), "{error:?}");
    assert!(error.to_string().ends_with("given up after 3 attempts"), "{error}");
    // What ends a later run and would fail again, and what a program makes of it.
    let runs = AtomicU32::new(0);
    let other = db.transaction_with(at_once(5), async |tx| {
        let sql = if runs.fetch_add(1, Ordering::Relaxed) < 2 { CONFLICT } else { "SELECT 1 / 0" };
        let done = tx.savepoint(async |tx| tx.execute_script(sql).await).await;
        done.map_err(Around)
    });
    let Around(error) = other.await.unwrap_err();
    assert_eq!((error.attempts(), error.sqlstate().unwrap().as_str()), (3, "22012"), "{error:?}");
    // In a load, and where nothing is run again.
    let missing = db.transaction_with(at_once(5), async |tx| {
        tx.copy_records("nowhere", &["id"], [[pgrepo::Value::from(1)]]).await.map(drop)
    });
    assert_eq!(missing.await.unwrap_err().attempts(), 1);
    let once = db.transaction(async |tx| tx.execute_script(CONFLICT).await);
    assert_eq!(once.await.unwrap_err().attempts(), 1);
}

/// An error of a program's own that holds pgrepo's.
#[derive(Debug)]
struct Around(pgrepo::Error);

impl From<pgrepo::Error> for Around {
    fn from(error: pgrepo::Error) -> Self {
        Self(error)
    }
}

#[pgrepo::test]
async fn a_closure_that_found_another_way_is_not_run_again(db: Db) {
    table(&db).await;
    let count = async |swallow: bool, then: &'static str| {
        let runs = AtomicU32::new(0);
        let refused = db.transaction_with(at_once(3), async |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            let part = tx.savepoint(async |tx| tx.execute_script(CONFLICT).await).await;
            if !swallow {
                part?;
            }
            tx.execute_script(then).await?;
            Err::<(), _>(Refusal::Mine)
        });
        refused.await.unwrap_err();
        runs.into_inner()
    };
    assert_eq!(count(false, "SELECT 1").await, 3, "the part's failure is the whole's");
    assert_eq!(count(true, "SELECT 1").await, 1);
    assert_eq!(count(true, "SELECT 1 / 0").await, 1);
}

#[pgrepo::test]
async fn a_conflict_in_a_load_or_at_commit_is_one_too(db: Db) {
    table(&db).await;
    db.execute_script(
        "CREATE SEQUENCE fails;
         CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('fails') % 3 <> 0 THEN RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001'; END IF;
             RETURN NEW; END $$;
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION conflict()",
    )
    .await
    .unwrap();
    let runs = AtomicU32::new(0);
    let copied = db.transaction_with(at_once(5), async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.repository::<Line>().copy_in([Line { id: 1 }]).await
    });
    assert_eq!(copied.await.unwrap().rows, 1);
    assert_eq!(runs.swap(0, Ordering::Relaxed), 3, "twice refused at COMMIT");
    db.execute_script(
        "DROP TRIGGER late ON t; CREATE TRIGGER early BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION conflict()",
    )
    .await
    .unwrap();
    let copied = db.transaction_with(at_once(5), async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Refusal>(tx.repository::<Line>().copy_in([Line { id: 2 }]).await?)
    });
    assert_eq!(copied.await.unwrap().rows, 1);
    assert_eq!(runs.swap(0, Ordering::Relaxed), 3, "twice refused in the load");
    let gave_up = db.transaction_with(at_once(2), async |tx| {
        let none: pgrepo::Result<()> = tx.execute_script(CONFLICT).await;
        let _swallowed = none;
        Ok::<_, pgrepo::Error>(())
    });
    let error = gave_up.await.unwrap_err();
    // The transaction was aborted, which COMMIT cannot pass; why is not asked.
    assert_eq!(error.operation(), Some("commit"), "{error:?}");
}

#[pgrepo::test]
async fn code_for_sqlx_runs_beside_pgrepos_in_one_transaction_and_is_not_run_again(db: Db) {
    table(&db).await;
    let runs = AtomicU32::new(0);
    let error = db.transaction_with(at_once(3), async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.repository::<Line>().insert(Line { id: 1 }).await?;
        let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(tx.raw()?).await.unwrap();
        assert_eq!(seen, 1);
        sqlx::query("INSERT INTO t VALUES ($1)").bind(2_i64).execute(tx.raw()?).await.unwrap();
        assert_eq!(tx.repository::<Line>().all().count().await?, 2);
        tx.execute_script(CONFLICT).await
    });
    assert_eq!(error.await.unwrap_err().fault_class(), FaultClass::RolledBack);
    assert_eq!((runs.into_inner(), stored(&db).await), (1, vec![]));
    db.transaction(async |tx| {
        sqlx::query("INSERT INTO t VALUES (3)").execute(tx.raw()?).await.unwrap();
        tx.repository::<Line>().insert(Line { id: 4 }).await
    })
    .await
    .unwrap();
    assert_eq!(stored(&db).await, [3, 4]);
}

/// Two transactions that each read what the other writes: one of them is run again.
#[pgrepo::test]
async fn a_serialization_failure_is_run_again(db: Db) {
    db.execute_script("CREATE TABLE t (id int8); INSERT INTO t VALUES (1), (2)").await.unwrap();
    let (both, runs) = (tokio::sync::Barrier::new(2), AtomicU32::new(0));
    let (db, both, runs) = (&db, &both, &runs);
    let sum_up = |first: bool| async move {
        let mine = AtomicU32::new(0);
        db.transaction_with(at_once(10).isolation(Isolation::Serializable), async |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            let sum: i64 = tx.query("SELECT sum(id)::int8 FROM t").fetch_val().await?;
            if mine.fetch_add(1, Ordering::Relaxed) == 0 {
                both.wait().await;
            }
            tx.query("INSERT INTO t VALUES ($1)").bind(sum).execute().await
        })
        .await
        .map_err(|e| format!("{first}: {e:?}"))
    };
    let (a, b) = futures_util::future::join(sum_up(true), sum_up(false)).await;
    a.unwrap();
    b.unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    assert_eq!(db.query("SELECT id FROM t ORDER BY id").fetch_all::<i64>().await.unwrap(), [1, 2, 3, 6]);
}
