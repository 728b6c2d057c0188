//! What a pool does to the runtime and the sockets that it runs on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyInOptions, PgTable};
use rustix::net::sockopt;
use sqlx::{Connection, PgConnection};

use crate::support::{pool, proxy};

#[derive(Debug, PgTable)]
#[pg(table = "t")]
struct Line {
    id: i32,
}

/// Counts the ticks of 10 ms that a runtime comes to while it does something else.
async fn ticks<T>(work: impl Future<Output = T>) -> (T, u64, Duration) {
    let count = Arc::new(AtomicU64::new(0));
    let ticker = tokio::spawn({
        let count = Arc::clone(&count);
        async move {
            let mut interval = tokio::time::interval(Duration::from_millis(10));
            // A tick that comes late is not made up for.
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                interval.tick().await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let begun = Instant::now();
    let done = work.await;
    let took = begun.elapsed();
    ticker.abort();
    (done, count.load(Ordering::Relaxed), took)
}

fn hardly_blocked(ticks: u64, took: Duration) {
    let possible = took.as_millis() / 10;
    println!("{ticks} ticks of {possible}");
    assert!(u128::from(ticks) * 10 >= possible * 8, "{ticks} ticks of {possible}");
}

#[pgrepo::test]
async fn a_long_query_and_slow_connecting_leave_the_runtime_free(db: TestDatabase) {
    let proxy = proxy(&db).await;
    proxy.latency(Duration::from_millis(100));
    let (ours, count, took) = ticks(pool(&proxy.url(db.name()), "ticks", 2)).await;
    assert!(took >= Duration::from_millis(400), "connecting is slow: {took:?}");
    hardly_blocked(count, took);
    proxy.heal();
    let (slept, count, took) = ticks(ours.query("SELECT pg_sleep(5)::text").fetch_one::<String>()).await;
    slept.unwrap();
    assert!(took >= Duration::from_secs(5));
    hardly_blocked(count, took);
}

/// Everything that a program may hold, dropped where there is no runtime: the one it was made on has shut down, or never
/// knew of it.
#[test]
fn whatever_a_program_holds_may_be_dropped_without_a_runtime() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let lasting = runtime();
    let test = lasting.block_on(TestDatabase::create("CREATE TABLE t (id int4 NOT NULL)")).unwrap();
    for shut_down in [true, false] {
        let short = runtime();
        let db = short.block_on(pool(&test.url(), "dropped", 8));
        let (tx, copy, out, rows, raw, monitor, health) = short.block_on(async {
            let mut tx = db.begin().await.unwrap();
            tx.query("INSERT INTO t VALUES (1)").execute().await.unwrap();
            let mut copy = db.repository::<Line>().start_copy_in::<Line>(CopyInOptions::default());
            copy.send(&Line { id: 2 }).await.unwrap();
            let mut out = db.repository::<Line>().copy_out().await.unwrap();
            assert!(out.next().await.unwrap().is_none());
            let rows = db.query("SELECT i FROM generate_series(1, 100000) i").stream::<i32>().await.unwrap();
            let mut monitor = db.monitor(Duration::from_secs(1));
            monitor.next().await.unwrap();
            let raw = db.raw().await.unwrap();
            let health = db.health(Duration::from_secs(1)).await;
            (tx, copy, out, rows, raw, monitor, health)
        });
        // Futures that were never polled, and one that was.
        let close = db.clone();
        let never = (Box::pin(async move { close.close().await }), Box::pin(tx.rollback()));
        let short = if shut_down {
            drop(short);
            None
        } else {
            Some(short)
        };
        drop(never);
        drop((copy, out, rows, raw, monitor, health));
        // Where the runtime lives, it may still roll back.
        assert!(!shut_down || db.status().in_use == 0, "nothing is held any more");
        drop(db);
        drop(short);
        lasting.block_on(async {
            let mut direct = crate::support::Direct::to(&test).await;
            direct.at_rest("dropped", 0).await;
            assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 0);
        });
    }
    lasting.block_on(test.close()).unwrap();
}

/// Which of this process's TCP sockets to a port have TCP_NODELAY: by their local ports.
fn sockets(port: u16) -> Vec<(u16, bool)> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let me = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let number = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
        // It may have been closed meanwhile, or be no socket.
        let Ok(socket) = pidfd_getfd(&me, number, PidfdGetfdFlags::empty()) else { continue };
        let address = |a: rustix::io::Result<rustix::net::SocketAddrAny>| std::net::SocketAddr::try_from(a.ok()?).ok();
        let peer = address(rustix::net::getpeername(&socket).and_then(|a| a.ok_or(rustix::io::Errno::NOTCONN)));
        let Some(local) = address(rustix::net::getsockname(&socket)) else { continue };
        if peer.is_some_and(|peer| peer.port() == port) {
            found.push((local.port(), sockopt::tcp_nodelay(&socket).unwrap()));
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[pgrepo::test]
async fn nodelay_is_on_for_every_pooled_socket_and_off_without_pgrepo(db: TestDatabase) {
    const MAX: usize = 5;
    // A port of its own, to which nobody else in this process connects.
    let proxy = proxy(&db).await;
    let url = proxy.url(db.name());
    let mut plain = PgConnection::connect(&url).await.unwrap();
    plain.ping().await.unwrap();
    let before = sockets(proxy.port());
    assert!(matches!(before[..], [(_, false)]), "the driver's own socket: {before:?}");
    plain.close().await.unwrap();

    let ours = pool(&url, "nodelay", MAX).await;
    let mut all = Vec::new();
    for _ in 0..MAX {
        all.push(ours.begin().await.unwrap());
    }
    let mut now = sockets(proxy.port());
    now.retain(|(port, _)| *port != before[0].0);
    assert_eq!(now.len(), MAX, "{now:?}");
    assert!(now.iter().all(|(_, nodelay)| *nodelay), "{now:?}");
    drop(all);
}
