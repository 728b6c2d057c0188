//! A thousand cuts around COMMIT.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgrepo::testkit::{Cut, Message, TestDatabase};
use pgrepo::{Db, DbConfig, FaultClass, RetryConfig, TxOptions};

use super::cancel::{NAME, TABLE};
use super::transactions::{INSERT, commit};
use crate::support::{Direct, LONG, Rng, proxy, serves};

const CUTS: usize = 1_000;
const WORKERS: usize = 8;
const MAX: usize = WORKERS + 2;
const SEED: u64 = 0x5eed_0021;

/// Where a cut falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// COMMIT is not forwarded.
    Before,
    /// COMMIT is forwarded, and its answer lost.
    Unanswered,
    /// COMMIT was answered, and the next statement is not forwarded.
    Answered,
}

const PHASES: [Phase; 3] = [Phase::Before, Phase::Unanswered, Phase::Answered];
const NEXT: &str = "SELECT 'next'";

impl Phase {
    fn cut(self) -> Cut {
        match self {
            Self::Before => Cut::before(commit()),
            Self::Unanswered => Cut::after(commit()),
            Self::Answered => Cut::before(Message::Sql(NEXT.into())),
        }
    }
}

/// What was told of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Committed,
    RolledBack,
    /// It was neither, or another error.
    Unknown,
}

#[derive(Debug, Default)]
struct Seen {
    told: BTreeMap<i64, Told>,
    errors: Vec<String>,
    runs: AtomicU64,
}

/// One transaction, in one of the three forms, and a statement behind it.
async fn one(ours: &Db, number: i64, seen: &Seen) -> pgrepo::Result<()> {
    match number % 3 {
        0 => {
            let mut tx = ours.begin().await?;
            tx.query(INSERT).bind(number).execute().await?;
            tx.id().await?;
            tx.commit().await?;
        }
        form => {
            let retry = if form == 1 { None } else { Some(RetryConfig::off()) };
            let mut options = TxOptions::default();
            options.retry = retry;
            ours.transaction_with(options, async |tx| {
                seen.runs.fetch_add(1, Ordering::Relaxed);
                tx.query(INSERT).bind(number).execute().await
            })
            .await?;
        }
    }
    Ok(())
}

#[pgrepo::test(flavor = "multi_thread")]
async fn fault_21_a_thousand_cuts_around_commit_are_told_as_the_table_has_them(db: TestDatabase) {
    let begun = Instant::now();
    let mut direct = Direct::to(&db).await;
    direct.run(TABLE).await;
    let proxy = proxy(&db).await;
    proxy.latency(Duration::from_millis(1));
    let mut config = DbConfig::from_url(&proxy.url(db.name())).unwrap().with_max_connections(MAX);
    NAME.clone_into(&mut config.application_name);
    // An outage of nearly every second transaction: more repetitions than an outage should be met with. A cut before
    // COMMIT strikes one in six, so that of five attempts all are struck about once in ten thousand transactions; of
    // twenty, never.
    config.retry = RetryConfig {
        attempts: 20,
        budget_percent: 100,
        reserve: 1_000,
        first_delay: Duration::from_millis(1),
        ..config.retry
    };
    let ours = Db::connect(config).await.unwrap();

    let seen = Arc::new(Mutex::new(Seen::default()));
    let runs = Arc::new(Seen::default());
    let numbers = Arc::new(AtomicI64::new(0));
    // The proxy counts messages over all connections: a cut strikes whoever commits next.
    let mut rng = Rng(SEED);
    let mut ordered: BTreeMap<Phase, u64> = BTreeMap::new();
    let plan: Vec<Phase> = (0..CUTS).map(|_| PHASES[rng.below(3)]).collect();
    for phase in &plan {
        *ordered.entry(*phase).or_default() += 1;
    }
    let plan = Arc::new(Mutex::new(plan));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let (ours, faults, seen, runs) = (ours.clone(), proxy.faults(), Arc::clone(&seen), Arc::clone(&runs));
        let (numbers, plan) = (Arc::clone(&numbers), Arc::clone(&plan));
        let mut rng = Rng(SEED + 1 + worker as u64);
        workers.spawn(async move {
            loop {
                let next = plan.lock().unwrap().pop();
                let Some(phase) = next else { break };
                // Now and then one that nobody disturbs.
                for _ in 0..1 + rng.below(2) {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    let told = one(&ours, number, &runs).await;
                    let mut seen = seen.lock().unwrap();
                    let verdict = match &told {
                        Ok(()) => Told::Committed,
                        Err(error) if error.fault_class() == FaultClass::RolledBack => Told::RolledBack,
                        Err(_) => Told::Unknown,
                    };
                    if let Err(error) = told
                        && verdict == Told::Unknown
                    {
                        seen.errors.push(format!("{number}: {error:?}"));
                    }
                    seen.told.insert(number, verdict);
                }
                faults.cut(phase.cut());
                // Whether it is answered is not asked: it is what a cut behind an answered COMMIT strikes.
                let _next = ours.query(NEXT).execute().await;
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
    // Cuts that nobody ran into yet.
    let deadline = Instant::now() + LONG;
    while proxy.counts().endings() < CUTS as u64 {
        assert!(Instant::now() < deadline, "{} of {CUTS} cuts", proxy.counts().endings());
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let told = one(&ours, number, &runs).await;
        let verdict = match told.map_err(|e| e.fault_class()) {
            Ok(()) => Told::Committed,
            Err(FaultClass::RolledBack) => Told::RolledBack,
            Err(_) => Told::Unknown,
        };
        seen.lock().unwrap().told.insert(number, verdict);
        let _next = ours.query(NEXT).execute().await;
    }
    proxy.heal();

    let stored: String = direct
        .one("SELECT coalesce(json_object_agg(id, n), '{}')::text FROM (SELECT id, count(*) AS n FROM t GROUP BY id) s")
        .await;
    let stored: BTreeMap<i64, i64> = serde_json::from_str(&stored).unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let mut verdicts: BTreeMap<Told, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (number, told) in &seen.told {
        *verdicts.entry(*told).or_default() += 1;
        let there = stored.get(number).copied().unwrap_or(0);
        let right = match told {
            Told::Committed => there == 1,
            // The form that may run again is done in the end.
            Told::RolledBack => there == 0 && number % 3 != 1,
            Told::Unknown => false,
        };
        if !right {
            wrong.push(format!("{number}: {told:?}, and {there} rows are there"));
        }
    }
    println!(
        "seed {SEED:#x}: {} transactions in {:?}, cuts {ordered:?}, told {verdicts:?}",
        seen.told.len(),
        begun.elapsed()
    );
    assert!(seen.errors.is_empty(), "{:#?}", seen.errors);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(stored.keys().all(|number| seen.told.contains_key(number)), "what nobody asked for is there");
    for phase in PHASES {
        assert!(ordered[&phase] >= 250, "{phase:?}: {ordered:?}");
    }
    assert!(verdicts[&Told::RolledBack] >= 100, "{verdicts:?}");
    serves(&ours, MAX).await;
    direct.at_rest(NAME, MAX).await;
}
