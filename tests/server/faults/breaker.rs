//! What the circuit breaker of a database counts, and what it turns away.

use std::time::Duration;

use futures_util::FutureExt;
use pgrepo::testkit::{Cut, Ending, Message, TestDatabase};
use pgrepo::{Breaker, BreakerConfig, BreakerState, Db, DbConfig, ErrorKind, FaultClass, RetryConfig, Value};

use super::cancel::{Line, NAME, TABLE, line};
use super::transactions::{INSERT, commit};
use crate::support::{Direct, LONG, proxy, serves};

/// Opens at the second failure, and for long.
const CONFIG: BreakerConfig = BreakerConfig {
    window: Duration::from_secs(600),
    min_calls: 2,
    failure_percent: 50,
    slow_call: None,
    slow_percent: 50,
    open_for: Duration::from_secs(600),
    trials: 1,
};

async fn pool(url: &str, max: usize, breaker: BreakerConfig) -> Db {
    let mut config = DbConfig::from_url(url).unwrap().with_max_connections(max);
    NAME.clone_into(&mut config.application_name);
    config.acquire_timeout = LONG;
    config.retry = RetryConfig::off();
    config.breaker = Some(breaker);
    Db::connect(config).await.unwrap()
}

fn breaker(db: &Db) -> &Breaker {
    db.breaker().unwrap()
}

fn state(db: &Db) -> BreakerState {
    breaker(db).snapshot().state
}

/// A call with a pool of its own that is exhausted, so that it would wait, is turned away when it is first polled.
async fn turned_away(db: &Db) {
    let error = db.query("SELECT 1").execute().now_or_never().expect("it does not wait").unwrap_err();
    assert_eq!((error.kind(), error.fault_class()), (ErrorKind::CircuitOpen, FaultClass::NotSent), "{error:?}");
    let error = db.begin().now_or_never().expect("it does not wait").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CircuitOpen);
}

/// A view whose third row cannot be computed.
#[derive(Debug, pgrepo::PgTable)]
#[pg(table = "v")]
struct Divided {
    id: i32,
    pad: String,
}

#[pgrepo::test]
async fn fault_19_slow_answers_are_counted_and_open_the_breaker(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let slow_call = Some(Duration::from_millis(1500));
    let config = BreakerConfig { slow_call, min_calls: 20, slow_percent: 15, ..CONFIG };
    let ours = pool(&proxy.url(db.name()), 5, config).await;
    serves(&ours, 5).await;
    let mut changes = breaker(&ours).changes();
    // One in five replies takes two seconds longer.
    proxy.slow_replies(5, Some(Duration::from_secs(2)));
    let calls = async {
        loop {
            let one = |_| async { ours.query("SELECT 1").execute().await.err().map(|e| e.kind()) };
            let kinds = futures_util::future::join_all((0..20).map(one)).await;
            assert!(kinds.iter().flatten().all(|kind| *kind == ErrorKind::CircuitOpen), "{kinds:?}");
            if kinds.iter().any(Option::is_some) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), calls).await.expect("the breaker opens");
    let change = changes.next().await.unwrap();
    assert_eq!((change.from, change.to), (BreakerState::Closed, BreakerState::Open));
    assert!(change.failures == 0 && change.slow * 100 >= change.calls * 15, "{change:?}");
    // Nothing waits for a connection while it is open.
    let _all: Vec<_> = (0..100).map(|_| ours.query("SELECT 1").execute().now_or_never().unwrap()).collect();
    proxy.heal();
}

#[pgrepo::test]
async fn fault_26_an_open_breaker_touches_neither_the_socket_nor_the_queue(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), 1, CONFIG).await;
    proxy.close_new(true);
    proxy.end_all(Ending::Close);
    while state(&ours) == BreakerState::Closed {
        ours.query("SELECT 1").execute().await.unwrap_err();
    }
    // Ending the broken session may still be tried; then nothing connects any more.
    let connections = || proxy.counts().connections;
    let mut before = connections();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = connections();
        if now == before {
            break;
        }
        before = now;
    }
    for _ in 0..100 {
        turned_away(&ours).await;
    }
    assert_eq!(connections(), before);
    assert_eq!(breaker(&ours).snapshot().rejected, 200);
}

#[pgrepo::test]
async fn fault_26_the_server_is_tried_again_when_the_time_is_over(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), 2, BreakerConfig { open_for: Duration::from_millis(300), ..CONFIG }).await;
    let mut changes = breaker(&ours).changes();
    proxy.close_new(true);
    proxy.end_all(Ending::Close);
    while state(&ours) != BreakerState::Open {
        ours.query("SELECT 1").execute().await.unwrap_err();
    }
    let next = async |to| {
        let change = tokio::time::timeout(LONG, changes.next()).await.unwrap().unwrap();
        assert_eq!(change.to, to);
    };
    let mut next = next;
    next(BreakerState::Open).await;
    // The trial fails, and it is open again.
    while breaker(&ours).snapshot().retry_in.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    next(BreakerState::HalfOpen).await;
    assert_eq!(ours.query("SELECT 1").execute().await.unwrap_err().kind(), ErrorKind::Connection);
    next(BreakerState::Open).await;
    proxy.close_new(false);
    while breaker(&ours).snapshot().retry_in.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    next(BreakerState::HalfOpen).await;
    // A trial that is dropped says nothing, and leaves room for another.
    let asleep = ours.query("SELECT pg_sleep(60)").execute();
    assert!(tokio::time::timeout(Duration::from_millis(100), asleep).await.is_err());
    assert_eq!(state(&ours), BreakerState::HalfOpen);
    ours.query("SELECT 1").execute().await.unwrap();
    next(BreakerState::Closed).await;
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

/// Counts, and never opens.
const COUNTING: BreakerConfig = BreakerConfig { min_calls: 100_000, ..CONFIG };

/// Whatever breaks in a COPY, at its end or at a COMMIT is a failure, however it is told.
#[pgrepo::test]
async fn fault_26_a_copy_or_a_commit_that_breaks_is_counted_by_the_breaker(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(TABLE).await;
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), 2, COUNTING).await;
    let failures = || breaker(&ours).snapshot().failures;
    let lines = || (0..2_000).map(line);
    let sql = |begin: &str| Message::Sql(begin.into());

    // A load of its own: refused by the network at each of its messages; only the last of these is found to be stored.
    for (cut, stored) in [
        (Cut::before(sql("BEGIN; LOCK TABLE")), false),
        (Cut::before(sql("COPY")), false),
        (Cut { nth: 3, ..Cut::before(Message::Type(b'd')) }, false),
        (Cut::before(Message::Type(b'c')), false),
        (Cut::before(sql("COMMIT")), false),
        (Cut::after(sql("COMMIT")), true),
    ] {
        let before = failures();
        proxy.cut(cut.clone());
        let copied = ours.repository::<Line>().copy_in(lines()).await;
        assert_eq!((copied.is_ok(), failures() - before), (stored, 1), "{cut:?}: {copied:?}");
    }
    // One in a transaction, which is one call.
    for cut in [Cut::before(Message::Type(b'd')), Cut::before(sql("RELEASE SAVEPOINT"))] {
        let before = failures();
        let mut tx = ours.begin().await.unwrap();
        proxy.cut(cut.clone());
        let error = tx.repository::<Line>().copy_in(lines()).await.unwrap_err();
        assert_eq!(error.fault_class(), FaultClass::RolledBack, "{error:?}");
        drop(tx);
        assert_eq!(failures() - before, 1, "{cut:?}");
    }
    // One that is given up, whose end is lost: nothing is stored, as was asked for, and that the connection broke is told.
    let before = failures();
    let mut load = ours.repository::<Line>().start_copy_in(pgrepo::CopyInOptions::default());
    load.send(&line(1)).await.unwrap();
    proxy.cut(Cut::before(Message::Type(b'c')));
    let error = load.abort().await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class()), (ErrorKind::Connection, FaultClass::RolledBack), "{error:?}");
    assert_eq!(failures() - before, 1);
    // A COPY out, at its beginning and in its midst.
    let before = failures();
    proxy.cut(Cut::before(sql("COPY")));
    ours.repository::<Line>().copy_out().await.map(drop).unwrap_err();
    assert_eq!(failures() - before, 1);
    direct.run("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 50000) g").await;
    let mut out = ours.repository::<Line>().copy_out().await.unwrap();
    out.next().await.unwrap().unwrap();
    let before = failures();
    proxy.end_all(Ending::Reset);
    while let Ok(Some(_)) = out.next().await {}
    drop(out);
    assert_eq!(failures() - before, 1);
    // A COMMIT, whether it is found out about or not.
    for (cut, ask) in [(Cut::before(commit()), true), (Cut::after(commit()), true), (Cut::after(commit()), false)] {
        serves(&ours, 2).await;
        let before = failures();
        let mut tx = ours.begin().await.unwrap();
        tx.query(INSERT).bind(1_i64).execute().await.unwrap();
        if ask {
            tx.id().await.unwrap();
        }
        proxy.cut(cut.clone());
        let told = tx.commit().await;
        assert_eq!(failures() - before, 1, "{cut:?}: {told:?}");
    }
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

#[pgrepo::test]
async fn what_the_server_refuses_is_no_failure(db: TestDatabase) {
    let ours = pool(&db.tcp_url(), 1, CONFIG).await;
    let sql = "CREATE TABLE t (id int8 NOT NULL CHECK (id < 5), pad text NOT NULL); \
               CREATE VIEW v AS SELECT 1 / (g - 3) AS id, 'x' AS pad FROM generate_series(1, 10) g";
    ours.execute_script(sql).await.unwrap();
    for wrong in ["SELECT 1 / 0", "SELECT * FROM nowhere", "wrong", "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"] {
        ours.query(wrong).execute().await.unwrap_err();
    }
    let mut tx = ours.begin().await.unwrap();
    tx.query("SELECT 1 / 0").execute().await.unwrap_err();
    tx.rollback().await.unwrap();
    ours.copy_records("nowhere", &["a"], [[Value::from(1)]]).await.unwrap_err();
    ours.repository::<Line>().copy_in((0..10).map(line)).await.unwrap_err();
    let mut out = ours.repository::<Divided>().copy_out().await.unwrap();
    while let Some(row) = out.next().await.transpose() {
        if row.is_err() {
            break;
        }
    }
    drop(out);
    let mut tx = ours.begin().await.unwrap();
    tx.execute_script("ALTER TABLE t ADD CONSTRAINT once UNIQUE (id) DEFERRABLE INITIALLY DEFERRED").await.unwrap();
    tx.commit().await.unwrap();
    ours.repository::<Line>().copy_in([line(1), line(1)]).await.unwrap_err();
    let now = breaker(&ours).snapshot();
    assert_eq!((now.state, now.failures), (BreakerState::Closed, 0));
    assert!(now.calls >= 10, "{now:?}");
    // A connection that is not free in time, and one whose server session was ended, are.
    let mut config = DbConfig::from_url(&db.tcp_url()).unwrap().with_max_connections(1);
    config.acquire_timeout = Duration::from_millis(50);
    config.breaker = Some(BreakerConfig { min_calls: 100, ..CONFIG });
    let short = Db::connect(config).await.unwrap();
    let held = short.begin().await.unwrap();
    assert_eq!(short.query("SELECT 1").execute().await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(breaker(&short).snapshot().failures, 1);
    held.rollback().await.unwrap();
    short.query("SELECT pg_terminate_backend(pg_backend_pid())").execute().await.unwrap_err();
    assert_eq!(breaker(&short).snapshot().failures, 2);
}
