//! Futures dropped, tasks aborted.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::task::Poll;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyInOptions, Db, ErrorKind, PgTable, TxOutcome};
use tokio::time::timeout;

use crate::support::{Direct, DropAt, LONG, Rng, pool, proxy, serves};

pub(super) const TABLE: &str = "CREATE TABLE t (id int8 NOT NULL, pad text NOT NULL)";

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "t")]
pub(super) struct Line {
    id: i64,
    pad: String,
}

pub(super) fn line(id: i64) -> Line {
    Line { id, pad: "x".repeat(1000) }
}

pub(super) const NAME: &str = "faults";

/// A pool behind a millisecond of latency, and a session past it.
pub(super) async fn set_up(db: &TestDatabase, max: usize) -> (Db, Direct, pgrepo::testkit::Proxy) {
    let mut direct = Direct::to(db).await;
    direct.run(TABLE).await;
    let proxy = proxy(db).await;
    proxy.latency(Duration::from_millis(1));
    (pool(&proxy.url(db.name()), NAME, max).await, direct, proxy)
}

pub(super) async fn pid(db: &Db) -> i32 {
    db.query("SELECT pg_backend_pid()").fetch_one().await.unwrap()
}

pub(super) fn gone(pid: i32) -> String {
    format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})")
}

/// A load that waits for a lock is dropped; the lock is still held afterwards.
async fn drop_a_waiting_copy(db: &Db, direct: &mut Direct) {
    let waiting = pid(db).await;
    let task = tokio::spawn({
        let db = db.clone();
        async move { db.repository::<Line>().copy_in((0..10).map(line)).await }
    });
    let waits = format!("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = {waiting} AND NOT granted)");
    direct.within(LONG, "the load waits for the lock", &waits).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let served = timeout(Duration::from_secs(1), pid(db)).await.expect("the slot is free within 1 s");
    assert_ne!(served, waiting);
    direct.within(Duration::from_secs(2), "the session is gone", &gone(waiting)).await;
}

#[pgrepo::test]
async fn fault_01_a_copy_dropped_while_it_waits_for_a_lock_frees_its_slot_and_its_session(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    let mut holder = Direct::to(&db).await;
    holder.run("BEGIN; LOCK TABLE t").await;
    drop_a_waiting_copy(&ours, &mut direct).await;
    // The same when the control connection has been ended meanwhile.
    let control =
        format!("FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{NAME} (control)'");
    assert_eq!(direct.one::<i64>(&format!("SELECT count(*) {control}")).await, 1);
    direct.run(&format!("SELECT pg_terminate_backend(pid) {control}")).await;
    direct.within(LONG, "it is ended", &format!("SELECT NOT EXISTS (SELECT {control})")).await;
    drop_a_waiting_copy(&ours, &mut direct).await;
    holder.run("ROLLBACK").await;
    serves(&ours, 1).await;
    direct.at_rest(NAME, 1).await;
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 0);
}

#[pgrepo::test]
async fn fault_02_a_copy_dropped_between_chunks_stores_nothing_and_its_connection_is_replaced(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    let used = pid(&ours).await;
    let mut copy = ours.repository::<Line>().start_copy_in::<Line>(CopyInOptions::default());
    for id in 0..200 {
        copy.send(&line(id)).await.unwrap();
    }
    drop(copy);
    assert_ne!(pid(&ours).await, used);
    direct.within(LONG, "the session is gone", &gone(used)).await;
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 0);
    serves(&ours, 1).await;
    direct.at_rest(NAME, 1).await;
}

#[pgrepo::test]
async fn fault_02_every_await_of_a_copy_can_be_the_last(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    for pending in 1.. {
        let copied = DropAt::new(ours.repository::<Line>().copy_in((0..100).map(line)), pending).await;
        direct.at_rest(NAME, 1).await;
        let rows: i64 = direct.one("SELECT count(*) FROM t").await;
        assert!(rows == 0 || rows == 100, "{rows} rows after {pending} polls");
        direct.run("TRUNCATE t").await;
        if copied.is_some() {
            assert!(pending > 4, "{pending}");
            break;
        }
    }
    serves(&ours, 1).await;
}

#[pgrepo::test]
async fn fault_03_a_source_that_panics_stores_nothing_and_its_panic_goes_on(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    let rows = (0..1000).map(|id| if id == 500 { panic!("row {id} is bad") } else { line(id) });
    let copied = AssertUnwindSafe(ours.repository::<Line>().copy_in(rows)).catch_unwind().await;
    let panic = copied.unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("row 500 is bad"));
    serves(&ours, 1).await;
    direct.at_rest(NAME, 1).await;
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 0);
}

#[derive(Debug)]
enum Failure {
    Mine(i64),
    Pgrepo(pgrepo::Error),
}

impl From<pgrepo::Error> for Failure {
    fn from(error: pgrepo::Error) -> Self {
        Self::Pgrepo(error)
    }
}

#[pgrepo::test]
async fn fault_03_a_source_s_own_error_stores_nothing_and_comes_back(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    let used = pid(&ours).await;
    let rows = stream::iter(0..1000).map(|id| if id == 500 { Err(Failure::Mine(id)) } else { Ok(line(id)) });
    match ours.repository::<Line>().copy_in_try_stream(rows, CopyInOptions::default()).await.unwrap_err() {
        Failure::Mine(id) => assert_eq!(id, 500),
        Failure::Pgrepo(error) => panic!("{error:?}"),
    }
    assert_eq!(pid(&ours).await, used, "the connection stays in use");
    direct.at_rest(NAME, 1).await;
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 0);
}

#[pgrepo::test]
async fn fault_04_a_source_of_another_length_than_announced_stores_nothing(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    for announced in [0, 99, 101] {
        let options = CopyInOptions::default().expected_rows(announced);
        let error = ours.repository::<Line>().copy_in_with((0..100).map(line), options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Copy);
        assert!(error.to_string().contains(&format!("{announced} rows were announced and 100 came")), "{error}");
        assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 0);
    }
    let options = CopyInOptions::default().expected_rows(100);
    assert_eq!(ours.repository::<Line>().copy_in_with((0..100).map(line), options).await.unwrap().rows, 100);
}

#[pgrepo::test]
async fn fault_05_the_next_insert_after_a_dropped_begin_is_seen_by_others(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    for round in 0..50 {
        // Warm, so that the drop lands in BEGIN and not in connecting.
        pid(&ours).await;
        let begun = DropAt::new(ours.begin(), 1 + usize::try_from(round % 2).unwrap()).await;
        assert!(begun.is_none() || round % 2 == 1, "BEGIN waits for its answer");
        drop(begun);
        ours.query("INSERT INTO t VALUES ($1, 'x')").bind(round).execute().await.unwrap();
        assert_eq!(direct.one::<i64>("SELECT max(id) FROM t").await, round);
    }
    direct.at_rest(NAME, 1).await;
}

#[pgrepo::test]
async fn fault_06_what_became_of_a_dropped_commit_can_be_asked(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db, 2).await;
    let mut seen = [0, 0];
    for round in 0..20_i64 {
        let mut tx = ours.begin().await.unwrap();
        tx.query("INSERT INTO t VALUES ($1, 'x')").bind(round).execute().await.unwrap();
        let id = tx.id().await.unwrap();
        // COMMIT reaches the server in every other round only.
        proxy.black_hole(round % 2 == 1);
        assert!(DropAt::new(tx.commit(), 1).await.is_none(), "COMMIT waits for its answer");
        if round % 2 == 1 {
            tokio::task::yield_now().await;
        }
        proxy.black_hole(false);
        let outcome = loop {
            match ours.outcome(id).await.unwrap() {
                TxOutcome::InProgress => tokio::task::yield_now().await,
                outcome => break outcome,
            }
        };
        let there: bool = direct.one(&format!("SELECT EXISTS (SELECT FROM t WHERE id = {round})")).await;
        assert_eq!(outcome, if there { TxOutcome::Committed } else { TxOutcome::Aborted });
        seen[usize::from(there)] += 1;
    }
    println!("of 20 dropped commits {} took effect", seen[1]);
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

#[pgrepo::test]
async fn fault_07_a_dropped_rollback_rolls_back(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    for dropped in [true, false].repeat(5) {
        let mut tx = ours.begin().await.unwrap();
        tx.query("INSERT INTO t VALUES (1, 'x')").execute().await.unwrap();
        if dropped {
            assert!(DropAt::new(tx.rollback(), 1).await.is_none(), "ROLLBACK waits for its answer");
        } else {
            drop(tx);
        }
        let idle = format!(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{NAME}' \
             AND state LIKE 'idle in%')"
        );
        direct.within(Duration::from_secs(1), "no session is idle in a transaction", &idle).await;
        assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 0);
    }
    serves(&ours, 1).await;
    direct.at_rest(NAME, 1).await;
}

#[pgrepo::test]
async fn fault_09_a_stream_dropped_after_ten_of_five_million_rows_leaves_nobody_waiting(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    let used = pid(&ours).await;
    let rows = ours.query("SELECT i::int8, repeat('x', 100) FROM generate_series(1, 5000000) i");
    let mut rows = rows.stream::<(i64, String)>().await.unwrap();
    for _ in 0..10 {
        rows.next().await.unwrap().unwrap();
    }
    drop(rows);
    assert_ne!(timeout(LONG, pid(&ours)).await.expect("served"), used);
    direct.within(LONG, "the session is gone", &gone(used)).await;
    serves(&ours, 1).await;
}

#[pgrepo::test]
async fn fault_05_a_copy_out_or_a_stream_that_nobody_reads_leaves_no_transaction_behind(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    drop(ours.repository::<Line>().copy_out().await.unwrap());
    ours.query("INSERT INTO t VALUES (1, 'x')").execute().await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 1);
    drop(ours.query("SELECT 1").stream::<i32>().await.unwrap());
    ours.query("INSERT INTO t VALUES (1, 'x')").execute().await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 2);
    direct.at_rest(NAME, 1).await;
}

#[pgrepo::test]
async fn fault_11_a_dropped_acquire_loses_no_permit(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 2).await;
    for round in 0..20_u64 {
        let held = [ours.begin().await.unwrap(), ours.begin().await.unwrap()];
        let mut waiters: Vec<_> = (0..6).map(|_| Box::pin(ours.begin())).collect();
        for waiter in &mut waiters {
            let queued = std::future::poll_fn(|cx| Poll::Ready(waiter.as_mut().poll(cx).is_pending()));
            assert!(queued.await, "all are queued");
        }
        // Some go while they are queued …
        waiters.truncate(4);
        drop(waiters.remove(0));
        for tx in held {
            tx.rollback().await.unwrap();
        }
        // … and those now first in the queue, to whom the connections are assigned, before they hear of it.
        if round % 2 == 0 {
            drop(waiters);
        } else {
            drop(waiters.remove(0));
            for waiter in waiters {
                drop(timeout(LONG, waiter).await.expect("a slot").unwrap());
            }
        }
    }
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

#[pgrepo::test(flavor = "multi_thread")]
async fn fault_12_ten_thousand_aborted_tasks_leave_sessions_and_statements_within_their_limits(db: TestDatabase) {
    const MAX: usize = 5;
    let (ours, mut direct, _proxy) = set_up(&db, MAX).await;
    let mut tasks: Vec<_> = (0..10_000_i64)
        .map(|nonce| {
            let db = ours.clone();
            tokio::spawn(async move {
                // More texts than a connection keeps statements.
                let sql = format!("SELECT $1::int8, {}", nonce % 300);
                let (answer, _): (i64, i32) = db.query(sql).bind(nonce).fetch_one().await.unwrap();
                assert_eq!(answer, nonce);
            })
        })
        .collect();
    let mut rng = Rng(12);
    let (mut aborted, mut ended) = (0, 0);
    while !tasks.is_empty() {
        for _ in 0..tasks.len().min(50) {
            // Near the front stand those that run.
            let task = tasks.remove(rng.below(tasks.len().min(200)));
            task.abort();
            match task.await {
                Ok(()) => ended += 1,
                Err(error) => {
                    assert!(error.is_cancelled(), "{error}");
                    aborted += 1;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(rng.next() % 8)).await;
    }
    println!("{aborted} aborted, {ended} had ended");
    assert!(aborted > 5_000 && ended > 0, "{aborted} aborted, {ended} had ended");
    serves(&ours, MAX).await;
    for sql in 0..250 {
        ours.query(format!("SELECT {sql}")).fetch_one::<i32>().await.unwrap();
    }
    let mut all = Vec::new();
    for _ in 0..MAX {
        let mut tx = ours.begin().await.unwrap();
        let count: i64 = tx.query("SELECT count(*) FROM pg_prepared_statements").fetch_one().await.unwrap();
        assert!(count <= 100, "{count} prepared statements");
        all.push(tx);
    }
    drop(all);
    direct.at_rest(NAME, MAX).await;
}

#[pgrepo::test]
async fn fault_24_a_commit_of_an_aborted_transaction_is_an_error(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    let used = pid(&ours).await;
    let mut tx = ours.begin().await.unwrap();
    tx.query("INSERT INTO t VALUES (1, 'x')").execute().await.unwrap();
    let id = tx.id().await.unwrap();
    tx.query("SELECT 1 / 0").execute().await.unwrap_err();
    let error = tx.commit().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Transaction, Some("commit")), "{error:?}");
    assert_eq!(error.sqlstate().unwrap().as_str(), "25P02");
    assert_eq!(ours.outcome(id).await.unwrap(), TxOutcome::Aborted);
    assert_eq!(pid(&ours).await, used, "the connection stays in use");
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 0);
}
