//! Transactions whose parts, connection or COMMIT fail.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pgrepo::testkit::{Cut, Message, Proxy, TestDatabase};
use pgrepo::{Db, DbConfig, ErrorKind, FaultClass, Statement, TxOptions, TxOutcome};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use super::cancel::{NAME, TABLE, set_up};
use crate::support::{Direct, LONG, proxy, serves};

/// What pgrepo's COMMIT begins with.
pub(super) fn commit() -> Message {
    Message::Sql("SAVEPOINT pgrepo_commit".into())
}

pub(super) const INSERT: &str = "INSERT INTO t VALUES ($1, 'x')";

pub(super) async fn rows(direct: &mut Direct) -> i64 {
    direct.one("SELECT count(*) FROM t").await
}

#[pgrepo::test]
async fn fault_08_savepoints_end_once_each_by_itself_and_the_transaction_stays_intact(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    // Every combination of three savepoints, one in the other, that are kept or not.
    for kept in 0..8_i64 {
        let is_kept = |depth: i64| kept >> depth & 1 == 1;
        let mut tx = ours.begin().await.unwrap();
        tx.query(INSERT).bind(100_i64).execute().await.unwrap();
        let mut one = tx.begin_savepoint().await.unwrap();
        one.query(INSERT).bind(0_i64).execute().await.unwrap();
        let mut two = one.begin_savepoint().await.unwrap();
        two.query(INSERT).bind(1_i64).execute().await.unwrap();
        let mut three = two.begin_savepoint().await.unwrap();
        three.query(INSERT).bind(2_i64).execute().await.unwrap();
        // A failure ends with its own savepoint.
        if !is_kept(2) {
            three.query("SELECT 1 / 0").execute().await.unwrap_err();
        }
        if is_kept(2) { three.release().await } else { three.rollback().await }.unwrap();
        if is_kept(1) { two.release().await } else { two.rollback().await }.unwrap();
        if is_kept(0) { one.release().await } else { one.rollback().await }.unwrap();
        tx.query(INSERT).bind(101_i64).execute().await.unwrap();
        tx.commit().await.unwrap();
        let stored: String = direct.one("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await;
        let inner = (0..3).filter(|depth| (0..=*depth).all(is_kept)).map(|depth| depth.to_string());
        let expected: Vec<String> = inner.chain(["100".to_owned(), "101".to_owned()]).collect();
        assert_eq!(stored, expected.join(" "), "{kept:#b}");
        direct.run("TRUNCATE t").await;
    }
    // To end one twice does not compile. By SQL it is refused before anything is sent; the transaction does not notice.
    let mut tx = ours.begin().await.unwrap();
    let mut part = tx.begin_savepoint().await.unwrap();
    part.query(INSERT).bind(1_i64).execute().await.unwrap();
    for sql in ["RELEASE SAVEPOINT pgrepo_1", "ROLLBACK TO SAVEPOINT pgrepo_1"] {
        let error = part.query(sql).execute().await.unwrap_err();
        assert!(error.kind() == ErrorKind::Query && error.sqlstate().is_none(), "{error:?}");
    }
    part.release().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(rows(&mut direct).await, 1);
    // On the raw connection it ends, and that is told: to whom releases it again, and at COMMIT.
    let mut tx = ours.begin().await.unwrap();
    let mut part = tx.begin_savepoint().await.unwrap();
    sqlx::raw_sql("RELEASE SAVEPOINT pgrepo_1").execute(part.raw().unwrap()).await.unwrap();
    let error = part.release().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Transaction, Some("release")), "{error:?}");
    tx.commit().await.unwrap_err();
    serves(&ours, 1).await;
    direct.at_rest(NAME, 1).await;
}

/// Runs a transaction whose first run is disturbed after its first statement; says how often it ran.
async fn disturbed(ours: &Db, disturb: impl AsyncFnOnce(i32)) -> (u32, pgrepo::Result<u64>) {
    let runs = AtomicU32::new(0);
    let (tell, mut told) = mpsc::channel(1);
    let (go, gone) = oneshot::channel();
    let gone = Mutex::new(Some(gone));
    let transaction = ours.transaction_with(TxOptions::default(), async |tx| {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        let done = tx.query(INSERT).bind(1_i64).execute().await?;
        if run == 0 {
            let pid: i32 = tx.query("SELECT pg_backend_pid()").fetch_one().await?;
            tell.send(pid).await.unwrap();
            gone.lock().await.take().unwrap().await.unwrap();
        }
        tx.query("SELECT 1").execute().await?;
        Ok::<_, pgrepo::Error>(done)
    });
    let strike = async {
        disturb(timeout(LONG, told.recv()).await.unwrap().unwrap()).await;
        go.send(()).unwrap();
    };
    let done = futures_util::future::join(transaction, strike).await.0;
    (runs.into_inner(), done)
}

#[pgrepo::test]
async fn fault_14_a_transaction_whose_session_is_ended_runs_once_more_with_one_effect(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db, 2).await;
    let other = Mutex::new(Direct::to(&db).await);
    let terminate = async |pid: i32| {
        let mut other = other.lock().await;
        other.run(&format!("SELECT pg_terminate_backend({pid})")).await;
        other.within(LONG, "the session is gone", &super::cancel::gone(pid)).await;
    };
    let (runs, done) = disturbed(&ours, terminate).await;
    assert_eq!((runs, done.unwrap(), rows(&mut direct).await), (2, 1, 1));
    // The same where the network breaks before a statement, or takes its answer away.
    for cut in [Cut::before(Message::Any), Cut::after(Message::Any)] {
        direct.run("TRUNCATE t").await;
        let (runs, done) = disturbed(&ours, async |_| proxy.cut(cut.clone())).await;
        assert_eq!((runs, done.unwrap(), rows(&mut direct).await), (2, 1, 1));
    }
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

/// One insert in a closure that may run again, with a cut at its COMMIT; returns the runs.
async fn cut_at_commit(ours: &Db, proxy: &Proxy, cut: Cut) -> u32 {
    let runs = AtomicU32::new(0);
    proxy.cut(cut);
    let done = ours.transaction_with(TxOptions::default(), async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.query(INSERT).bind(1_i64).execute().await
    });
    assert_eq!(done.await.unwrap(), 1);
    runs.into_inner()
}

#[pgrepo::test]
async fn fault_21_a_commit_whose_answer_is_lost_is_found_out_about(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db, 2).await;
    assert_eq!(cut_at_commit(&ours, &proxy, Cut::after(commit())).await, 1, "found committed, and not run again");
    assert_eq!(rows(&mut direct).await, 1);
    direct.run("TRUNCATE t").await;
    assert_eq!(cut_at_commit(&ours, &proxy, Cut::before(commit())).await, 2, "found aborted, and run again once");
    assert_eq!(rows(&mut direct).await, 1);

    // The guard form finds out where the id was asked for.
    for (cut, committed) in [(Cut::after(commit()), true), (Cut::before(commit()), false)] {
        direct.run("TRUNCATE t").await;
        let mut tx = ours.begin().await.unwrap();
        tx.query(INSERT).bind(1_i64).execute().await.unwrap();
        let id = tx.id().await.unwrap();
        assert_eq!(tx.id().await.unwrap(), id);
        proxy.cut(cut.clone());
        let told = tx.commit().await;
        assert_eq!(told.is_ok(), committed, "{told:?}");
        assert_eq!(rows(&mut direct).await, i64::from(committed));
        if let Err(error) = told {
            assert_eq!((error.kind(), error.fault_class()), (ErrorKind::Transaction, FaultClass::RolledBack));
            assert_eq!((error.tx_id(), error.operation()), (Some(id), Some("commit")));
        }
        // And where it was not, says so.
        let mut tx = ours.begin().await.unwrap();
        tx.query(INSERT).bind(2_i64).execute().await.unwrap();
        proxy.cut(cut);
        let error = tx.commit().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.fault_class()),
            (ErrorKind::Transaction, FaultClass::Indeterminate),
            "{error:?}"
        );
        assert_eq!(error.tx_id(), None);
    }
    // What is read only has no id, and runs again.
    let runs = AtomicU32::new(0);
    proxy.cut(Cut::after(commit()));
    let read = ours.transaction_with(TxOptions::default().read_only(), async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.query("SELECT 7").fetch_val::<i32>().await
    });
    assert_eq!((read.await.unwrap(), runs.into_inner()), (7, 2));
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

#[pgrepo::test]
async fn fault_06_what_stays_unknown_is_told_with_the_transactions_id(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(TABLE).await;
    let proxy = proxy(&db).await;
    let mut config = DbConfig::from_url(&proxy.url(db.name())).unwrap();
    config.acquire_timeout = Duration::from_millis(300);
    config.connect_timeout = Duration::from_millis(200);
    let ours = Db::connect(config).await.unwrap();
    let runs = AtomicU32::new(0);
    let unknown = ours.transaction_with(TxOptions::default(), async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.query(INSERT).bind(1_i64).execute().await?;
        // COMMIT reaches the server, and nothing reaches it afterwards.
        proxy.cut(Cut::after(commit()));
        proxy.close_new(true);
        Ok::<_, pgrepo::Error>(())
    });
    let error = unknown.await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class()), (ErrorKind::Transaction, FaultClass::Indeterminate), "{error:?}");
    assert_eq!(runs.into_inner(), 1, "what may have taken effect is not run again");
    let id = error.tx_id().expect("its id");
    proxy.heal();
    assert_eq!(ours.outcome(id).await.unwrap(), TxOutcome::Committed);
    assert_eq!(ours.outcome(id.to_string().parse().unwrap()).await.unwrap(), TxOutcome::Committed);
    assert_eq!(rows(&mut direct).await, 1);

    // A commit that runs into a deadline of the caller's: the id was asked for before.
    let mut tx = ours.begin().await.unwrap();
    tx.query(INSERT).bind(2_i64).execute().await.unwrap();
    let id = tx.id().await.unwrap();
    proxy.black_hole(true);
    timeout(Duration::from_millis(50), tx.commit()).await.unwrap_err();
    proxy.black_hole(false);
    let told = format!("SELECT pg_xact_status('{id}'::xid8) <> 'in progress'");
    direct.within(LONG, "it is over", &told).await;
    let there: bool = direct.one("SELECT EXISTS (SELECT FROM t WHERE id = 2)").await;
    let outcome = ours.outcome(id).await.unwrap();
    assert_eq!(outcome, if there { TxOutcome::Committed } else { TxOutcome::Aborted });
}

#[pgrepo::test]
async fn fault_07_a_dropped_savepoint_or_closure_leaves_nothing_behind(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    for pending in 1.. {
        let whole = crate::support::DropAt::new(
            ours.transaction_with(TxOptions::default(), async |tx| {
                tx.query(INSERT).bind(1_i64).execute().await?;
                tx.savepoint(async |tx| {
                    tokio::task::yield_now().await;
                    tx.query(INSERT).bind(2_i64).execute().await
                })
                .await
            }),
            pending,
        );
        let ended = whole.await.is_some();
        direct.at_rest(NAME, 1).await;
        let there = rows(&mut direct).await;
        assert!(there == 0 || there == 2, "{there} rows after {pending} polls");
        direct.run("TRUNCATE t").await;
        if ended {
            assert!(pending > 6, "{pending}");
            break;
        }
    }
    // A part that is dropped between its statements is rolled back by itself.
    let mut tx = ours.begin().await.unwrap();
    tx.query(INSERT).bind(1_i64).execute().await.unwrap();
    let part = tx.savepoint::<_, (), pgrepo::Error>(async |tx| {
        tx.query(INSERT).bind(2_i64).execute().await?;
        std::future::pending().await
    });
    timeout(Duration::from_millis(100), part).await.unwrap_err();
    tx.execute_all([Statement::new(INSERT).bind(3_i64)]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT sum(id)::int8 FROM t").await, 4);
    serves(&ours, 1).await;
}

#[pgrepo::test]
async fn fault_24_a_closure_that_swallows_a_failure_is_an_error_and_not_run_again(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    let runs = AtomicU32::new(0);
    let error = ours
        .transaction_with(TxOptions::default(), async |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.query(INSERT).bind(1_i64).execute().await?;
            let _swallowed = tx.query("SELECT 1 / 0").execute().await;
            Ok::<_, pgrepo::Error>(())
        })
        .await
        .unwrap_err();
    assert_eq!((error.operation(), error.sqlstate().unwrap().as_str()), (Some("commit"), "25P02"), "{error:?}");
    assert_eq!((runs.into_inner(), rows(&mut direct).await), (1, 0));
    serves(&ours, 1).await;
}
