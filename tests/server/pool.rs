//! A pool's size, its callback, its end, and what it tells of itself.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use pgrepo::testkit::{Ending, TestDatabase};
use pgrepo::{Db, ErrorKind, MonitorEvent};

use crate::support::{Direct, LONG, config, pool, proxy, serves};

const NAME: &str = "pool";

async fn begin(db: &Db, count: usize) -> Vec<pgrepo::Tx> {
    let begun = futures_util::future::join_all((0..count).map(|_| db.begin())).await;
    begun.into_iter().map(Result::unwrap).collect()
}

#[pgrepo::test]
async fn the_callback_sets_each_connection_up_and_its_error_reaches_who_waits(test: TestDatabase) {
    let mut direct = Direct::to(&test).await;
    direct.run("CREATE SCHEMA app; CREATE TABLE app.known (a int)").await;
    let ours = Db::connect_with(config(&test.url(), NAME, 3), |new| {
        Box::pin(async move { new.execute_script("SET search_path = app; SET work_mem = '1234kB'").await })
    })
    .await
    .unwrap();
    for tx in &mut begin(&ours, 3).await {
        assert_eq!(tx.query("SELECT count(*) FROM known").fetch_val::<i64>().await.unwrap(), 0);
        assert_eq!(tx.query("SELECT current_setting('work_mem')").fetch_val::<String>().await.unwrap(), "1234kB");
    }
    let failing = Db::connect_with(config(&test.url(), NAME, 3), |new| {
        Box::pin(async move { new.execute_script("SET role = nobody_of_that_name").await })
    });
    let error = failing.await.unwrap_err();
    assert!(error.sqlstate().is_some() && format!("{error:?}").contains("nobody_of_that_name"), "{error:?}");
    // It is a part of connecting, and held to the same limit.
    let mut limited = config(&test.url(), NAME, 3);
    limited.connect_timeout = Duration::from_millis(300);
    let slow =
        Db::connect_with(limited, |new| Box::pin(async move { new.execute_script("SELECT pg_sleep(60)").await }));
    assert_eq!(slow.await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[pgrepo::test]
async fn a_pool_that_is_resized_has_as_many_connections_and_no_more(test: TestDatabase) {
    let mut direct = Direct::to(&test).await;
    let ours = pool(&test.url(), NAME, 6).await;
    let mut held = begin(&ours, 6).await;
    for _ in 0..2 {
        held.pop().unwrap().rollback().await.unwrap();
    }
    assert_eq!(ours.status().idle, 2);
    ours.resize(2).unwrap();
    let few = |n: usize| {
        format!(
            "SELECT count(*) <= {n} FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{NAME}'"
        )
    };
    direct.within(LONG, "those that idled are closed", &few(4)).await;
    assert!(ours.begin().now_or_never().is_none(), "more are in use than there may be");
    drop(held);
    serves(&ours, 2).await;
    direct.within(LONG, "so are those that were in use", &few(2)).await;
    let held = begin(&ours, 2).await;
    assert!(ours.begin().now_or_never().is_none());
    let status = ours.status();
    assert_eq!((status.max, status.size, status.in_use, status.idle), (2, 2, 2, 0), "{status:?}");
    // Larger, and who waits is served at once.
    let waiting = ours.begin();
    let grow = async { ours.resize(3).unwrap() };
    let (third, ()) = futures_util::future::join(waiting, grow).await;
    third.unwrap().rollback().await.unwrap();
    drop(held);
    for max in [1, 5, 2, 4] {
        ours.resize(max).unwrap();
        serves(&ours, max).await;
        let held = begin(&ours, max).await;
        assert!(ours.begin().now_or_never().is_none(), "no more than {max}");
        drop(held);
    }
    for wrong in [0, 10_001] {
        assert_eq!(ours.resize(wrong).unwrap_err().kind(), ErrorKind::Config);
    }
    assert_eq!(ours.status().max, 4);
    direct.at_rest(NAME, 4).await;
}

#[pgrepo::test]
async fn what_idles_for_too_long_is_closed(test: TestDatabase) {
    let mut direct = Direct::to(&test).await;
    let mut config = config(&test.url(), NAME, 4);
    config.max_idle = Some(Duration::from_millis(200));
    let ours = Db::connect(config).await.unwrap();
    serves(&ours, 4).await;
    let none = format!(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{NAME}')"
    );
    direct.within(LONG, "all are closed", &none).await;
    let status = ours.status();
    assert_eq!((status.size, status.idle), (0, 0), "{status:?}");
    assert!(status.closed_by_idling >= 4, "{status:?}");
    serves(&ours, 4).await;
}

#[pgrepo::test]
async fn closing_waits_for_what_is_under_way_and_turns_the_others_away(test: TestDatabase) {
    let mut direct = Direct::to(&test).await;
    let ours = pool(&test.url(), NAME, 2).await;
    let mut held = begin(&ours, 2).await;
    let mut waiting = Box::pin(ours.begin());
    assert!(waiting.as_mut().now_or_never().is_none());
    let mut closing = Box::pin(ours.close());
    assert!(closing.as_mut().now_or_never().is_none(), "two are in use");
    let closed = |error: pgrepo::Error| {
        assert_eq!(error.kind(), ErrorKind::Connection, "{error:?}");
        assert!(error.to_string().contains("the pool is closed"), "{error}");
    };
    closed(waiting.await.unwrap_err());
    closed(ours.begin().now_or_never().expect("at once").unwrap_err());
    closed(ours.ping().await.unwrap_err());
    closed(ours.resize(3).unwrap_err());
    closed(ours.health(LONG).await.reason.unwrap());
    assert!(ours.is_closed() && ours.monitor(LONG).next().await.is_none());
    // What has a connection goes on to its end; what is dropped meanwhile is ended first.
    held[0].query("SELECT 1").execute().await.unwrap();
    drop(held.pop());
    assert!(closing.as_mut().now_or_never().is_none(), "one is in use");
    held.pop().unwrap().commit().await.unwrap();
    assert_eq!(closing.await, 0);
    let none = format!(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '{NAME}%')"
    );
    direct.within(LONG, "no session is left", &none).await;
    let status = ours.status();
    assert_eq!((status.max, status.size, status.in_use, status.idle), (0, 0, 0, 0), "{status:?}");
    assert_eq!(ours.close().await, 0, "again");
}

#[pgrepo::test]
async fn a_status_tells_what_became_of_each_connection(test: TestDatabase) {
    let ours = pool(&test.url(), NAME, 3).await;
    serves(&ours, 3).await;
    drop(ours.raw().await.unwrap());
    let sleep = ours.query("SELECT pg_sleep(60)").execute();
    tokio::time::timeout(Duration::from_millis(50), sleep).await.unwrap_err();
    let status = ours.status();
    assert_eq!((status.opened, status.closed_by_use, status.size), (3, 2, 1), "{status:?}");
    assert_eq!((status.idle, status.in_use, status.waiting), (1, 0, 0), "{status:?}");
    assert!(status.acquired >= 25 && status.waited == 0, "{status:?}");
}

#[pgrepo::test]
async fn health_gets_in_at_full_load_and_tells_of_a_server_that_is_silent(test: TestDatabase) {
    let proxy = proxy(&test).await;
    let ours = pool(&proxy.url(test.name()), NAME, 1).await;
    let held = ours.begin().await.unwrap();
    let health = ours.health(LONG).await;
    assert!(health.connected && health.latency.is_some() && health.reason.is_none(), "{health:?}");
    assert_eq!((health.in_recovery, health.pool.in_use), (Some(false), 1), "{health:?}");
    assert!(!health.is_ready(), "the only connection is in use");
    held.rollback().await.unwrap();
    assert!(ours.health(LONG).await.is_ready());
    proxy.black_hole(true);
    let begun = Instant::now();
    let health = ours.health(Duration::from_millis(200)).await;
    assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
    assert!(!health.connected && health.latency.is_none() && health.in_recovery.is_none(), "{health:?}");
    let reason = health.reason.unwrap();
    assert!(reason.is_timeout() && reason.to_string().contains("200ms"), "{reason:?}");
    assert!(proxy.end_all(Ending::Reset) > 0);
    proxy.heal();
    assert!(ours.health(LONG).await.connected);
}

#[pgrepo::test]
async fn a_monitor_tells_when_the_server_goes_and_comes_and_when_operations_wait(test: TestDatabase) {
    let proxy = proxy(&test).await;
    let ours = pool(&proxy.url(test.name()), NAME, 1).await;
    let mut monitor = ours.monitor(Duration::from_millis(20));
    let up = monitor.next().await.unwrap();
    assert!(matches!(&up, MonitorEvent::Up(health) if health.latency.is_some()), "{up:?}");
    let same = monitor.next().await.unwrap();
    assert!(matches!(same, MonitorEvent::Same(_)), "{same:?}");
    let held = ours.begin().await.unwrap();
    let mut waiting = Box::pin(ours.begin());
    assert!(waiting.as_mut().now_or_never().is_none());
    let exhausted = monitor.next().await.unwrap();
    assert!(matches!(&exhausted, MonitorEvent::Exhausted(health) if health.pool.waiting == 1), "{exhausted:?}");
    drop(waiting);
    held.rollback().await.unwrap();
    assert!(matches!(monitor.next().await.unwrap(), MonitorEvent::Relieved(_)));
    proxy.close_new(true);
    proxy.end_all(Ending::Reset);
    let down = monitor.next().await.unwrap();
    assert!(matches!(&down, MonitorEvent::Down(health) if health.reason.is_some()), "{down:?}");
    proxy.heal();
    // A look that is given up is made again.
    assert!(monitor.next().now_or_never().is_none());
    assert!(matches!(monitor.next().await.unwrap(), MonitorEvent::Up(_)));
    ours.close().await;
    assert!(monitor.next().await.is_none());
}
