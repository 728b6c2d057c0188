//! Servers that stop, die and come back under a pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pgrepo::testkit::{Server, ServerOptions, StopMode};
use pgrepo::{Db, WithDeadline};
use sqlx::{Connection, PgConnection};

use super::cancel::{NAME, pid};
use crate::support::{LONG, pool, serves};

const MAX: usize = 5;

/// What a promise of a second is given on top: the tests run beside others on few processors.
const SLACK: Duration = Duration::from_secs(4);

/// Tasks that query without pause, whatever happens, and count the right answers.
struct Load {
    right: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    tasks: tokio::task::JoinSet<()>,
}

impl Load {
    fn on(db: &Db) -> Self {
        let (right, failed, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default(), Arc::default());
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..2 * MAX as u64 {
            let (db, right, failed) = (db.clone(), Arc::clone(&right), Arc::clone(&failed));
            let over: Arc<AtomicBool> = Arc::clone(&over);
            tasks.spawn(async move {
                let mut nonce = i64::try_from(task).unwrap() << 32;
                while !over.load(Ordering::Relaxed) {
                    nonce += 1;
                    let query = db.query("SELECT $1::int8").bind(nonce).fetch_one::<i64>();
                    match query.with_deadline(Duration::from_millis(500)).await {
                        Ok(answer) => {
                            assert_eq!(answer, nonce);
                            right.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(_) => {
                            failed.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    }
                }
            });
        }
        Self { right, failed, over, tasks }
    }

    /// Waits for answers that come after this call, and returns how long the first took.
    async fn answers(&self) -> Duration {
        let (begun, before) = (Instant::now(), self.right.load(Ordering::Relaxed));
        while self.right.load(Ordering::Relaxed) == before {
            assert!(begun.elapsed() < LONG, "no answer");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        begun.elapsed()
    }

    async fn end(mut self) -> (u64, u64) {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        (self.right.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_15_a_server_that_stops_and_starts_is_used_again_as_soon_as_it_accepts() {
    let server = Server::start(ServerOptions::private()).await.unwrap();
    let ours = pool(&server.tcp_url("postgres"), NAME, MAX).await;
    let load = Load::on(&ours);
    load.answers().await;
    for (mode, pause) in [(StopMode::Fast, 0), (StopMode::Immediate, 0), (StopMode::Fast, 3)] {
        server.stop(mode).await.unwrap();
        assert!(!ours.health(LONG).await.connected, "it is stopped");
        tokio::time::sleep(Duration::from_secs(pause)).await;
        server.start_again().await.unwrap();
        let took = load.answers().await;
        println!("{mode:?}, stopped for {pause} s: the first answer {took:?} after it accepts");
        assert!(took < Duration::from_secs(1) + SLACK, "{took:?}");
    }
    // The server takes the death of one session for a crash, ends all, and recovers.
    let victim = loop {
        if let Ok(pid) = ours.query("SELECT pg_backend_pid()").fetch_one::<i32>().await {
            break pid;
        }
    };
    let mut another = PgConnection::connect(&server.url("postgres")).await.unwrap();
    server.kill_backend(victim).await.unwrap();
    let begun = Instant::now();
    while another.ping().await.is_ok() {
        assert!(begun.elapsed() < LONG, "the crash was not seen");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    while PgConnection::connect(&server.url("postgres")).await.is_err() {
        assert!(begun.elapsed() < LONG, "the server does not recover");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = load.answers().await;
    println!("a session killed: the first answer {took:?} after the server accepts again");
    assert!(took < Duration::from_secs(1) + SLACK, "{took:?}");
    let (right, failed) = load.end().await;
    println!("{right} right answers, {failed} errors");
    assert!(failed > 0, "the outages were seen");
    serves(&ours, MAX).await;
    assert!(pid(&ours).await > 0 && ours.health(LONG).await.connected);
    assert_eq!(ours.close().await, 0);
    server.shutdown().await.unwrap();
}
