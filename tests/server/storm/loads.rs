//! A thousand loads whose connection is cut around COMMIT, each repeated only when it is known to have had no effect.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pgrepo::testkit::{Cut, Ending, Message, Proxy, TestDatabase};
use pgrepo::{CopyInOptions, Db, DbConfig, FaultClass, TxOutcome};

use super::subject::{Plain, Stored, rows};
use super::{SCHEMA, light, seed};
use crate::support::{Direct, LONG, Rng, proxy, serves};

const LOADS: u64 = 1_000;
const WORKERS: u64 = 16;
/// Of the cuts a half are ordered before COMMIT and a half after it; so many of each are met at the least.
const FORWARDED: u64 = 250;
const ROWS: usize = 7;
const MAX: usize = 12;
/// How long a load is waited for whose connection falls silent.
const DEADLINE: Duration = Duration::from_secs(1);

/// What a caller is told of a load.
enum Told {
    Stored,
    NoEffect,
}

trait Loads: Clone + Send + Sync + 'static {
    /// Loads a group once. Where its outcome is unknown, it is asked for.
    fn load(&self, group: i64, told: &Counts) -> impl Future<Output = Told> + Send;
}

/// How often callers were told what.
#[derive(Debug, Default)]
struct Counts {
    stored: AtomicU64,
    no_effect: AtomicU64,
    asked: AtomicU64,
}

impl Loads for Db {
    async fn load(&self, group: i64, told: &Counts) -> Told {
        let mut load = self.repository::<Stored>().start_copy_in::<Stored>(CopyInOptions::default());
        let loaded = async {
            for row in rows(group, ROWS, 10) {
                load.send(&row).await?;
            }
            let id = load.tx_id().unwrap();
            match tokio::time::timeout(DEADLINE, load.finish()).await {
                Ok(Ok(report)) => {
                    assert_eq!(report.rows, ROWS as u64);
                    Ok(None)
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Ok(Some(id)),
            }
        };
        let id = match loaded.await {
            Ok(None) => return Told::Stored,
            Ok(Some(id)) => id,
            Err(error) if error.fault_class() == FaultClass::Indeterminate => error.tx_id().unwrap(),
            Err(error) => {
                assert!(error.is_retryable(), "{error:?}");
                return Told::NoEffect;
            }
        };
        told.asked.fetch_add(1, Ordering::Relaxed);
        let asked = async {
            loop {
                match self.outcome(id).await {
                    Ok(TxOutcome::Committed) => return Told::Stored,
                    Ok(TxOutcome::Aborted) => return Told::NoEffect,
                    Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        tokio::time::timeout(LONG, asked).await.expect("the server tells")
    }
}

/// As it is done without asking: what failed is done again.
impl Loads for Plain {
    async fn load(&self, group: i64, _: &Counts) -> Told {
        if Plain::load(self, group, ROWS).await.is_ok() { Told::Stored } else { Told::NoEffect }
    }
}

struct Loaded {
    duplicated: i64,
    partial: i64,
    missing: i64,
    cuts: u64,
    forwarded: u64,
    direct: Direct,
    /// The pool's connections end with it.
    _proxy: Proxy,
}

/// Loads groups, a cut ordered for each, around the message that commits.
async fn storm<L: Loads>(
    db: &TestDatabase,
    loads: u64,
    endings: &[Ending],
    connect: impl AsyncFn(&str) -> L,
) -> Loaded {
    let begun = Instant::now();
    let mut direct = Direct::to(db).await;
    direct.run(SCHEMA).await;
    let proxy = proxy(db).await;
    proxy.latency(Duration::from_millis(1));
    let subject = connect(&light(db, &mut direct, &proxy).await).await;
    let counts = Arc::new(Counts::default());
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let (subject, faults, counts) = (subject.clone(), proxy.faults(), Arc::clone(&counts));
        let (commit, endings) = (Message::Sql("COMMIT".to_owned()), endings.to_vec());
        let mut rng = Rng(seed() + worker);
        workers.spawn(async move {
            // The orders of a worker are as many as its loads: each meets one, its own or another's.
            for group in (worker..loads).step_by(usize::try_from(WORKERS).unwrap()) {
                let cut = if rng.below(2) == 0 { Cut::before(commit.clone()) } else { Cut::after(commit.clone()) };
                faults.cut(Cut { ending: endings[rng.below(endings.len())], ..cut });
                while let Told::NoEffect = subject.load(i64::try_from(group).unwrap(), &counts).await {
                    counts.no_effect.fetch_add(1, Ordering::Relaxed);
                }
                counts.stored.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
    let (cuts, forwarded) = (proxy.counts().endings(), proxy.counts().endings_after(b'Q'));
    println!(
        "seed {:#x}, {loads} loads in {:?}: {cuts} cuts, {forwarded} of them with COMMIT forwarded; {counts:?}",
        seed(),
        begun.elapsed()
    );
    let count = async |direct: &mut Direct, which: &str| -> i64 {
        let groups = format!(
            "SELECT count(*) FROM generate_series(0, {loads} - 1) g \
             LEFT JOIN (SELECT grp, count(*) AS n FROM stored GROUP BY grp) s ON s.grp = g WHERE coalesce(n, 0) {which}"
        );
        direct.one(&groups).await
    };
    let duplicated = count(&mut direct, &format!("> {ROWS}")).await;
    let partial = count(&mut direct, &format!("% {ROWS} <> 0")).await;
    let missing = count(&mut direct, "= 0").await;
    println!("{duplicated} duplicated, {partial} partial, {missing} missing");
    Loaded { duplicated, partial, missing, cuts, forwarded, direct, _proxy: proxy }
}

#[pgrepo::test(flavor = "multi_thread")]
async fn storm_no_faulted_load_is_duplicated_partial_or_missing(db: TestDatabase) {
    const NAME: &str = "loads";
    let mut endings = [Ending::Reset, Ending::Close].repeat(10);
    endings[0] = Ending::Silence;
    let pool = std::sync::Mutex::new(None);
    let connect = async |url: &str| {
        let mut config = DbConfig::from_url(url).unwrap().with_max_connections(MAX);
        NAME.clone_into(&mut config.application_name);
        config.acquire_timeout = LONG;
        let db = Db::connect(config).await.unwrap();
        *pool.lock().unwrap() = Some(db.clone());
        db
    };
    let mut loaded = storm(&db, LOADS, &endings, connect).await;
    assert_eq!((loaded.duplicated, loaded.partial, loaded.missing), (0, 0, 0));
    // A load that meets a cut is one that is faulted; a cut that nobody met any more is none.
    assert!(loaded.cuts >= LOADS - WORKERS, "{} cuts", loaded.cuts);
    assert!(loaded.forwarded >= FORWARDED, "{} COMMITs were forwarded", loaded.forwarded);
    let withheld = loaded.cuts - loaded.forwarded;
    assert!(withheld >= FORWARDED, "{withheld} COMMITs were not forwarded");
    let pool = pool.into_inner().unwrap().unwrap();
    serves(&pool, MAX).await;
    loaded.direct.at_rest(NAME, MAX).await;
}

/// The same driver of faults must find what a naive retry does to plain sqlx.
#[pgrepo::test(flavor = "multi_thread")]
async fn storm_sees_duplicated_loads_of_plain_sqlx(db: TestDatabase) {
    let loaded =
        storm(&db, 100, &[Ending::Reset, Ending::Close], async |url: &str| Plain::connect(url, MAX).await).await;
    println!(
        "{} cuts, of which a naive retry made {} duplicates ({} partial, {} missing)",
        loaded.cuts, loaded.duplicated, loaded.partial, loaded.missing
    );
    assert!(loaded.duplicated >= 10, "{} duplicated", loaded.duplicated);
    assert_eq!((loaded.partial, loaded.missing), (0, 0), "only repeating does harm here");
}
