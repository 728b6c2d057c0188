//! What the circuit breaker of a database counts, and what it turns away.

use std::time::Duration;

use futures_util::FutureExt;
use pgrepo::testkit::{Ending, TestDatabase};
use pgrepo::{Breaker, BreakerConfig, BreakerState, Db, DbConfig, ErrorKind, FaultClass, RetryConfig};

use super::cancel::NAME;
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

#[pgrepo::test]
async fn what_the_server_refuses_is_no_failure(db: TestDatabase) {
    let ours = pool(&db.tcp_url(), 1, CONFIG).await;
    for wrong in ["SELECT 1 / 0", "SELECT * FROM nowhere", "wrong", "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"] {
        ours.query(wrong).execute().await.unwrap_err();
    }
    let mut tx = ours.begin().await.unwrap();
    tx.query("SELECT 1 / 0").execute().await.unwrap_err();
    tx.rollback().await.unwrap();
    let now = breaker(&ours).snapshot();
    assert_eq!((now.state, now.failures), (BreakerState::Closed, 0));
    assert!(now.calls >= 5, "{now:?}");
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
