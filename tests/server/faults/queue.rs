//! Many operations that want few connections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::join_all;
use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, ErrorKind};
use tokio::sync::Barrier;

use super::cancel::{NAME, set_up};
use crate::support::{Direct, LONG, config, proxy, serves};

#[pgrepo::test]
async fn fault_25_nobody_is_overtaken_by_more_than_the_pool_has_connections(db: TestDatabase) {
    const MAX: usize = 5;
    let (ours, mut direct, _proxy) = set_up(&db, MAX).await;
    // Who is given a place has a connection, and need not make one while others are served.
    serves(&ours, MAX).await;
    // In the order in which they are spawned, tasks of one thread ask for the first time.
    let asked = Arc::new(AtomicUsize::new(0));
    let served = Arc::new(Mutex::new(Vec::new()));
    // Who has a connection keeps it until all are lent: one whose BEGIN is answered late is not overtaken in the queue.
    let lent = Arc::new(Barrier::new(MAX));
    let tasks = (0..500).map(|_| {
        let (ours, asked, served) = (ours.clone(), Arc::clone(&asked), Arc::clone(&served));
        let lent = Arc::clone(&lent);
        tokio::spawn(async move {
            for _ in 0..3 {
                let turn = asked.fetch_add(1, Ordering::Relaxed);
                let tx = ours.begin().await.unwrap();
                served.lock().unwrap().push(turn);
                lent.wait().await;
                tx.rollback().await.unwrap();
            }
        })
    });
    for ended in join_all(tasks).await {
        ended.unwrap();
    }
    let served = served.lock().unwrap().clone();
    assert_eq!(served.len(), 1500);
    let most = (0..served.len())
        .map(|place| served[..place].iter().filter(|earlier| **earlier > served[place]).count())
        .max()
        .unwrap();
    println!("overtaken by {most} at most");
    assert!(most < MAX, "overtaken by {most}");
    let status = ours.status();
    assert!(status.waited >= 1400 && status.wait_time > Duration::ZERO && status.timed_out == 0, "{status:?}");
    direct.at_rest(NAME, MAX).await;
}

#[pgrepo::test]
async fn fault_25_an_operation_inside_of_one_that_holds_the_last_connection_is_an_error_by_the_limit(db: TestDatabase) {
    let mut config = config(&db.url(), NAME, 2);
    config.acquire_timeout = Duration::from_millis(200);
    let ours = Db::connect(config).await.unwrap();
    // Both connections are there, however long it took to make them.
    let made = async {
        while ours.status().idle < 2 {
            let (one, other) = futures_util::future::join(ours.begin(), ours.begin()).await;
            for tx in [one, other].into_iter().flatten() {
                tx.rollback().await.unwrap();
            }
        }
    };
    tokio::time::timeout(LONG, made).await.expect("both are made");
    let timed_out = ours.status().timed_out;
    let each_has_one = Barrier::new(2);
    let nested = async || {
        let tx = ours.begin().await.unwrap();
        each_has_one.wait().await;
        let begun = Instant::now();
        let inner = ours.begin().await;
        (tx, inner, begun.elapsed())
    };
    let both = tokio::time::timeout(LONG, futures_util::future::join(nested(), nested()));
    let ((a, first, took), (b, second, _)) = both.await.expect("no hang");
    for inner in [first, second] {
        let error = inner.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
        assert!(error.to_string().contains("no connection within 200ms"), "{error}");
    }
    assert!(took < LONG / 2, "{took:?}");
    assert_eq!(ours.status().timed_out, timed_out + 2);
    drop((a, b));
    serves(&ours, 2).await;
}

#[pgrepo::test]
async fn fault_26_whoever_finds_the_queue_full_is_turned_away_at_once(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut config = config(&proxy.url(db.name()), NAME, 1);
    config.max_waiting = Some(3);
    let ours = Db::connect(config).await.unwrap();
    let held = ours.begin().await.unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(ours.begin())).collect();
    for waiter in &mut waiters {
        assert!(waiter.as_mut().now_or_never().is_none(), "it waits");
    }
    let sent = proxy.counts();
    for _ in 0..100 {
        // Without being polled again: it neither waits nor asks anybody.
        let error = ours.query("SELECT 1").execute().now_or_never().expect("at once").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overload, "{error:?}");
        assert!(error.to_string().contains("3 operations wait for a connection already"), "{error}");
    }
    let now = proxy.counts();
    assert_eq!((sent.connections, sent.to_server), (now.connections, now.to_server));
    let status = ours.status();
    assert_eq!((status.waiting, status.rejected, status.in_use, status.idle), (3, 100, 1, 0), "{status:?}");
    assert!(ours.health(LONG).await.connected, "a health report gets in");
    held.rollback().await.unwrap();
    for waiter in waiters {
        waiter.await.unwrap().rollback().await.unwrap();
    }
    assert_eq!(ours.status().waiting, 0);
    ours.query("SELECT 1").execute().await.unwrap();
}

#[pgrepo::test(flavor = "multi_thread")]
async fn fault_28_connections_that_grow_old_together_are_replaced_one_by_one(db: TestDatabase) {
    const MAX: usize = 50;
    let mut direct = Direct::to(&db).await;
    let mut config = config(&db.url(), NAME, MAX);
    config.max_lifetime = Some(Duration::from_millis(500));
    let connecting = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let ours = Db::connect_with(config, {
        let connecting = Arc::clone(&connecting);
        move |new| {
            let connecting = Arc::clone(&connecting);
            Box::pin(async move {
                let now = connecting[0].fetch_add(1, Ordering::SeqCst) + 1;
                connecting[1].fetch_max(now, Ordering::SeqCst);
                let slept = new.execute_script("SELECT pg_sleep(0.005)").await;
                connecting[0].fetch_sub(1, Ordering::SeqCst);
                slept
            })
        }
    })
    .await
    .unwrap();
    serves(&ours, MAX).await;
    connecting[1].store(0, Ordering::SeqCst);
    let begun = Instant::now();
    let tasks = (0..MAX).map(|_| {
        let ours = ours.clone();
        tokio::spawn(async move {
            while ours.status().closed_by_age < MAX as u64 {
                assert!(begun.elapsed() < 2 * LONG, "{:?}", ours.status());
                let answer: i32 = ours.query("SELECT 7").fetch_one().await.unwrap();
                assert_eq!(answer, 7);
            }
        })
    });
    for ended in join_all(tasks).await {
        ended.unwrap();
    }
    let at_once = connecting[1].load(Ordering::SeqCst);
    println!("{:?} after {:?}; at most {at_once} connecting at once", ours.status(), begun.elapsed());
    assert_eq!(at_once, 1);
    direct.at_rest(NAME, MAX).await;
}
