//! Thousands of operations dropped half-way, on pgrepo and, so that the storm is known to see the faults, on sqlx.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgrepo::testkit::TestDatabase;

use crate::support::{Direct, Rng, pool, proxy, serves};
use operation::{ALL, End, Operation};
use phase::{At, PHASES, Phase};
use strike::{Strike, Struck};
use subject::Subject;

mod operation;
mod phase;
mod plain;
mod strike;
mod subject;

/// An operation that waits for so long has lost its connection to another's fault.
const STUCK: Duration = Duration::from_secs(15);

/// What a storm saw.
#[derive(Debug, Default)]
struct Seen {
    drops: BTreeMap<Phase, u64>,
    ended: u64,
    /// Answers that were not the question's, and rows half there.
    wrong: Vec<String>,
    /// Writes that were answered Ok and are not there.
    lost: Vec<String>,
    /// Errors that nobody was to see.
    errors: Vec<String>,
    most_sessions: i64,
}

/// What was promised about the rows of a group.
#[derive(Debug, Clone, Copy)]
struct Promise {
    rows: i64,
    /// It was answered Ok: the rows must be there.
    sure: bool,
}

struct Storm<S> {
    subject: S,
    seen: Arc<Mutex<Seen>>,
    promises: Arc<Mutex<BTreeMap<i64, Promise>>>,
    next: Arc<AtomicI64>,
    over: Arc<AtomicBool>,
    /// Whether it is over as soon as the pool gives no connection any more.
    stop_early: bool,
}

impl<S: Clone> Clone for Storm<S> {
    fn clone(&self) -> Self {
        Self {
            subject: self.subject.clone(),
            seen: Arc::clone(&self.seen),
            promises: Arc::clone(&self.promises),
            next: Arc::clone(&self.next),
            over: Arc::clone(&self.over),
            stop_early: self.stop_early,
        }
    }
}

const ROUNDS: usize = 2_000;
const WORKERS: usize = 10;
const CHECKERS: usize = 2;
const MAX: usize = 14;
const SEED: u64 = 0x5eed_0002;

impl<S: Subject> Storm<S> {
    fn new(subject: S, stop_early: bool) -> Self {
        Self {
            subject,
            seen: Arc::default(),
            promises: Arc::default(),
            next: Arc::new(AtomicI64::new(1)),
            over: Arc::default(),
            stop_early,
        }
    }

    fn number(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn note(&self, what: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.lock().unwrap();
        what(&mut seen);
        if self.stop_early && seen.errors.last().is_some_and(|error| error.contains("PoolTimedOut")) {
            self.over.store(true, Ordering::Relaxed);
        }
    }

    /// A query through the pool must be answered by its own nonce.
    async fn check_query(&self) {
        let nonce = self.number();
        match tokio::time::timeout(S::PATIENCE, self.subject.query(nonce, &At::default())).await {
            Ok(Ok(answer)) if answer == nonce => {}
            Ok(Ok(answer)) => self.note(|s| s.wrong.push(format!("asked {nonce}, answered {answer}"))),
            Ok(Err(error)) => self.note(|s| s.errors.push(format!("a check's query: {error:?}"))),
            Err(_) => self.note(|s| s.errors.push("a check's query is stuck".to_owned())),
        }
    }

    /// An autocommit insert that was answered must be seen by another session.
    async fn check_insert(&self, direct: &mut Direct) {
        let number = self.number();
        match tokio::time::timeout(S::PATIENCE, self.subject.insert(number, &At::default())).await {
            Ok(Ok(true)) => {
                let there: bool = direct.one(&format!("SELECT EXISTS (SELECT FROM stored WHERE grp = {number})")).await;
                if !there {
                    self.note(|s| s.lost.push(format!("insert {number} was answered and is not there")));
                }
                self.promises.lock().unwrap().insert(number, Promise { rows: 1, sure: true });
            }
            Ok(Ok(false)) => self.note(|s| s.wrong.push(format!("insert {number} affected another number of rows"))),
            Ok(Err(error)) => self.note(|s| s.errors.push(format!("a check's insert: {error:?}"))),
            Err(_) => self.note(|s| s.errors.push("a check's insert is stuck".to_owned())),
        }
    }

    async fn worker(self, seed: u64, rounds: usize, polls: Arc<BTreeMap<Phase, usize>>) {
        let mut rng = Rng(seed);
        for _ in 0..rounds {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            // Also warms a connection up, so that the next operation's drop lands in that and not in connecting.
            self.check_query().await;
            let phase = PHASES[rng.below(PHASES.len())];
            let operation = Operation::of(phase, &mut rng);
            let polls = polls.get(&phase).copied().unwrap_or(1).max(1);
            let (left, delay) = (1 + rng.below(polls), Duration::from_millis(rng.next() % 4));
            let at = At::default();
            let number = self.number();
            let future = operation.run(&self.subject, number, &at);
            let strike = Strike { future: Some(Box::pin(future)), at: at.clone(), phase, left, delay, sleep: None };
            let outcome = tokio::time::timeout(S::PATIENCE.min(STUCK), strike).await;
            let mut sure = false;
            match outcome {
                Ok(Struck::Dropped(phase)) => self.note(|s| *s.drops.entry(phase).or_default() += 1),
                Ok(Struck::Ended(Ok(right))) => self.note(|s| {
                    sure = right;
                    s.ended += 1;
                    if !right {
                        s.wrong.push(format!("{operation:?} {number}"));
                    }
                }),
                Ok(Struck::Ended(Err(error))) => {
                    self.note(|s| s.errors.push(format!("{operation:?} {number}: {error:?}")));
                }
                Err(_) => self.note(|s| s.errors.push(format!("{operation:?} {number} is stuck in {:?}", at.get()))),
            }
            self.promises.lock().unwrap().insert(number, Promise { rows: operation.stores(), sure });
        }
    }

    async fn checker(self, mut direct: Direct) {
        while !self.over.load(Ordering::Relaxed) {
            self.check_query().await;
            self.check_insert(&mut direct).await;
        }
    }

    /// Now and then holds a lock that every load waits for, and counts the server's sessions.
    async fn locker(self, mut direct: Direct) {
        while !self.over.load(Ordering::Relaxed) {
            let now = direct.sessions(S::NAME).await;
            self.note(|s| s.most_sessions = s.most_sessions.max(now));
            direct.run("BEGIN; LOCK TABLE stored IN SHARE MODE").await;
            tokio::time::sleep(Duration::from_millis(8)).await;
            direct.run("COMMIT").await;
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// How often each phase pends when nobody disturbs it.
    async fn calibrate(&self) -> BTreeMap<Phase, usize> {
        let mut polls = BTreeMap::new();
        let mut rng = Rng(1);
        for phase in PHASES.into_iter().cycle().take(3 * PHASES.len()) {
            let (at, number) = (At::default(), self.number());
            let operation = match Operation::of(phase, &mut rng) {
                Operation::CopyOut { .. } => Operation::CopyOut { read: ALL },
                Operation::Stream { .. } => Operation::Stream { read: ALL },
                operation => operation,
            };
            let mut future = Box::pin(operation.run(&self.subject, number, &at));
            let mut pending = BTreeMap::new();
            let counted = std::future::poll_fn(|cx| {
                let poll = future.as_mut().poll(cx);
                if poll.is_pending() {
                    *pending.entry(at.get()).or_insert(0_usize) += 1;
                }
                poll
            });
            assert!(counted.await.unwrap(), "undisturbed, {phase:?} is answered rightly");
            for (phase, count) in pending {
                let most = polls.entry(phase).or_insert(count);
                *most = count.min(*most);
            }
        }
        polls
    }

    async fn blow(&self, db: &TestDatabase) {
        let polls = Arc::new(self.calibrate().await);
        println!("least pending polls of each phase, undisturbed: {polls:?}");
        self.promises.lock().unwrap().clear();
        let mut direct = Direct::to(db).await;
        direct.run("TRUNCATE stored").await;
        let mut others = tokio::task::JoinSet::new();
        for _ in 0..CHECKERS {
            others.spawn(self.clone().checker(Direct::to(db).await));
        }
        others.spawn(self.clone().locker(Direct::to(db).await));
        let mut workers = tokio::task::JoinSet::new();
        for worker in 0..WORKERS {
            workers.spawn(self.clone().worker(SEED + worker as u64, ROUNDS / WORKERS, Arc::clone(&polls)));
        }
        while let Some(ended) = workers.join_next().await {
            ended.unwrap();
        }
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = others.join_next().await {
            ended.unwrap();
        }
    }

    /// Compares the stored rows with what was promised.
    async fn settle(&self, direct: &mut Direct) {
        let stored: String = direct
            .one(
                "SELECT coalesce(json_object_agg(grp, n), '{}')::text FROM (SELECT grp, count(*) AS n FROM stored \
                 GROUP BY grp) s",
            )
            .await;
        let stored: BTreeMap<i64, i64> = serde_json::from_str(&stored).unwrap();
        let promises = self.promises.lock().unwrap();
        let mut seen = self.seen.lock().unwrap();
        for (group, Promise { rows, sure }) in &*promises {
            let found = stored.get(group).copied().unwrap_or(0);
            if *sure && found == 0 && *rows > 0 {
                seen.lost.push(format!("group {group}: answered, and not stored"));
            } else if found != 0 && found != *rows {
                seen.wrong.push(format!("group {group}: {found} of {rows} rows"));
            }
        }
    }
}

const SCHEMA: &str = "CREATE TABLE stored (grp int8 NOT NULL, id int4 NOT NULL, pad text NOT NULL); \
    CREATE TABLE big (grp int8 NOT NULL, id int4 NOT NULL, pad text NOT NULL); \
    INSERT INTO big SELECT 0, i, repeat('x', 100) FROM generate_series(0, 1999) i";

#[pgrepo::test(flavor = "multi_thread")]
async fn storm_no_drop_harms_anybody_else(db: TestDatabase) {
    let begun = Instant::now();
    let mut direct = Direct::to(&db).await;
    direct.run(SCHEMA).await;
    let proxy = proxy(&db).await;
    proxy.latency(Duration::from_millis(1));
    let ours = pool(&proxy.url(db.name()), pgrepo::Db::NAME, MAX).await;
    let storm = Storm::new(ours.clone(), false);
    storm.blow(&db).await;
    serves(&ours, MAX).await;
    direct.at_rest(pgrepo::Db::NAME, MAX).await;
    storm.settle(&mut direct).await;
    let seen = std::mem::take(&mut *storm.seen.lock().unwrap());
    println!(
        "seed {SEED:#x}, {ROUNDS} rounds in {:?}: {} ended, dropped {:?}",
        begun.elapsed(),
        seen.ended,
        seen.drops
    );
    println!("most sessions at a time {}, connections made {}", seen.most_sessions, proxy.counts().connections);
    assert!(seen.wrong.is_empty(), "wrong answers: {:#?}", seen.wrong);
    assert!(seen.lost.is_empty(), "lost writes: {:#?}", seen.lost);
    assert!(seen.errors.is_empty(), "errors: {:#?}", seen.errors);
    for phase in PHASES {
        let drops = seen.drops.get(&phase).copied().unwrap_or(0);
        assert!(drops >= 50, "{drops} drops in {phase:?}");
    }
    assert!(seen.most_sessions <= i64::try_from(MAX).unwrap() + 1, "{} sessions", seen.most_sessions);
}
