//! The storm itself: workers whose operations are hit, and others who must not notice.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pgrepo::testkit::{Faults, TestDatabase};

use super::operation::{Answer, Operation};
use super::phase::{At, Phase};
use super::strike::{Strike, Struck};
use super::subject::Subject;
use super::verdict::{self, Promise, Seen, Verdict};
use super::weather::Weather;
use crate::support::{Direct, Rng};

const CHECKERS: usize = 2;

/// How a storm blows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    pub(super) weather: Weather,
    pub(super) rounds: usize,
    pub(super) workers: usize,
    pub(super) seed: u64,
    /// How long an operation is waited for.
    pub(super) deadline: Duration,
}

#[derive(Clone)]
pub(super) struct Storm<S> {
    pub(super) subject: S,
    course: Course,
    /// Who cuts, where the weather does.
    faults: Option<Faults>,
    pub(super) seen: Arc<Mutex<Seen>>,
    promises: Arc<Mutex<BTreeMap<i64, Promise>>>,
    next: Arc<AtomicI64>,
    pub(super) over: Arc<AtomicBool>,
    /// Whether it is over as soon as the pool gives no connection any more.
    stop_early: bool,
}

impl<S: Subject> Storm<S> {
    pub(super) fn new(subject: S, course: Course, faults: Option<Faults>) -> Self {
        Self {
            subject,
            course,
            faults,
            seen: Arc::default(),
            promises: Arc::default(),
            next: Arc::new(AtomicI64::new(1)),
            over: Arc::default(),
            stop_early: false,
        }
    }

    pub(super) fn stop_early(self) -> Self {
        Self { stop_early: true, ..self }
    }

    pub(super) fn number(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn note(&self, what: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.lock().unwrap();
        what(&mut seen);
        if self.stop_early && seen.errors.last().is_some_and(|error| error.contains("PoolTimedOut")) {
            self.over.store(true, Ordering::Relaxed);
        }
    }

    fn promise(&self, group: i64, rows: i64, verdict: Verdict) {
        self.promises.lock().unwrap().insert(group, Promise { rows, verdict });
    }

    /// An error: one of a cut, which says truly what took effect, or one that nobody was to see.
    fn failed(&self, what: &str, phase: Phase, error: &S::Error) -> Verdict {
        if self.course.weather != Weather::Drops && S::is_of_the_network(error) {
            self.note(|s| *s.broken.entry(phase).or_default() += 1);
        } else {
            self.note(|s| s.errors.push(format!("{what}, in {phase:?}: {error:?}")));
        }
        S::verdict(error)
    }

    fn stuck(&self, what: &str, phase: Phase) {
        if self.course.weather == Weather::Silence {
            self.note(|s| *s.stuck.entry(phase).or_default() += 1);
        } else {
            self.note(|s| s.errors.push(format!("{what} is stuck in {phase:?}")));
        }
    }

    /// A query through the pool must be answered by its own nonce.
    pub(super) async fn check_query(&self) {
        let (nonce, at) = (self.number(), At::default());
        match tokio::time::timeout(self.course.deadline, self.subject.query(nonce, &at)).await {
            Ok(Ok(answer)) if answer == nonce => {}
            Ok(Ok(answer)) => self.note(|s| s.wrong.push(format!("asked {nonce}, answered {answer}"))),
            Ok(Err(error)) => {
                self.failed("a check's query", at.get(), &error);
            }
            Err(_) => self.stuck("a check's query", at.get()),
        }
    }

    /// An autocommit insert that was answered must be seen by another session.
    pub(super) async fn check_insert(&self, direct: &mut Direct) {
        let (number, at) = (self.number(), At::default());
        let verdict = match tokio::time::timeout(self.course.deadline, self.subject.insert(number, &at)).await {
            Ok(Ok(true)) => {
                let there: bool = direct.one(&format!("SELECT EXISTS (SELECT FROM stored WHERE grp = {number})")).await;
                if !there {
                    self.note(|s| s.lost.push(format!("insert {number} was answered and is not there")));
                }
                Verdict::Sure
            }
            Ok(Ok(false)) => {
                self.note(|s| s.wrong.push(format!("insert {number} affected another number of rows")));
                Verdict::Maybe
            }
            Ok(Err(error)) => self.failed("a check's insert", at.get(), &error),
            Err(_) => {
                self.stuck("a check's insert", at.get());
                Verdict::Maybe
            }
        };
        self.promise(number, 1, verdict);
    }

    async fn worker(self, worker: usize, rounds: usize, polls: Arc<BTreeMap<Phase, usize>>) {
        let mut rng = Rng(self.course.seed.wrapping_add(worker as u64));
        let own = i64::try_from(worker).unwrap();
        let first = worker * S::PHASES.len() / self.course.workers;
        for round in first..first + rounds {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            // Also warms a connection up, so that the next operation's fault lands in that and not in connecting.
            self.check_query().await;
            // Each worker goes through all phases, from one of its own on, and is dropped in the first pass, cut in the
            // next, or the other way round: so all phases get their share of both, whatever the seed.
            let phase = S::PHASES[round % S::PHASES.len()];
            let cut = (worker + round / S::PHASES.len()).is_multiple_of(2);
            let operation = Operation::of(phase, own, &mut rng);
            let polls = polls.get(&phase).copied().unwrap_or(1).max(1);
            let (mut left, delay) = (1 + rng.below(polls), Duration::from_millis(rng.next() % 4));
            let cut = if cut { self.course.weather.cut(phase, &mut rng) } else { None };
            if let (Some(faults), Some(cut)) = (&self.faults, cut) {
                faults.cut(cut);
                self.note(|s| *s.cuts.entry(phase).or_default() += 1);
                left = usize::MAX;
            }
            let verdict = self.round(operation, phase, left, delay).await;
            self.promise(verdict.0, operation.stores(), verdict.1);
        }
    }

    /// Runs an operation to its end or to its drop; returns its number and what is known of its effect.
    async fn round(&self, operation: Operation, phase: Phase, left: usize, delay: Duration) -> (i64, Verdict) {
        let (at, number) = (At::default(), self.number());
        let future = operation.run(&self.subject, number, &at);
        let strike = Strike { future: Some(Box::pin(future)), at: at.clone(), phase, left, delay, sleep: None };
        let dropped = |phase: Phase| if phase.is_before_the_effect() { Verdict::Never } else { Verdict::Maybe };
        let verdict = match tokio::time::timeout(self.course.deadline, strike).await {
            Ok(Struck::Dropped(phase)) => {
                self.note(|s| *s.drops.entry(phase).or_default() += 1);
                dropped(phase)
            }
            Ok(Struck::Ended(Ok(answer))) => {
                self.note(|s| s.ended += 1);
                match answer {
                    Answer::Right => Verdict::Sure,
                    Answer::Nothing => Verdict::Never,
                    Answer::Wrong => {
                        self.note(|s| s.wrong.push(format!("{operation:?} {number}")));
                        Verdict::Maybe
                    }
                }
            }
            Ok(Struck::Ended(Err(error))) => self.failed(&format!("{operation:?} {number}"), at.get(), &error),
            Err(_) => {
                self.stuck(&format!("{operation:?} {number}"), at.get());
                dropped(at.get())
            }
        };
        (number, verdict)
    }

    async fn checker(self, mut direct: Direct) {
        while !self.over.load(Ordering::Relaxed) {
            self.check_query().await;
            self.check_insert(&mut direct).await;
        }
    }

    /// Now and then holds a lock that every load waits for, and counts the server's sessions.
    async fn locker(self, mut direct: Direct) {
        // It gives way to a session that nobody reaches any more, instead of having all others wait behind it.
        const LOCK: &str = "DO $$ BEGIN LOCK TABLE stored IN SHARE MODE; PERFORM pg_sleep(0.008); \
                            EXCEPTION WHEN lock_not_available THEN END $$";
        direct.run("SET lock_timeout = '50ms'").await;
        while !self.over.load(Ordering::Relaxed) {
            let now = direct.sessions(S::NAME).await;
            self.note(|s| s.most_sessions = s.most_sessions.max(now));
            direct.run(LOCK).await;
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// How often each phase pends when nobody disturbs it.
    async fn calibrate(&self) -> BTreeMap<Phase, usize> {
        let mut polls = BTreeMap::new();
        let mut rng = Rng(1);
        for phase in S::PHASES.iter().copied().cycle().take(3 * S::PHASES.len()) {
            let (at, number) = (At::default(), self.number());
            let operation = Operation::of(phase, 0, &mut rng).whole();
            let mut future = Box::pin(operation.run(&self.subject, number, &at));
            let mut pending = BTreeMap::new();
            let counted = std::future::poll_fn(|cx| {
                let poll = future.as_mut().poll(cx);
                if poll.is_pending() {
                    *pending.entry(at.get()).or_insert(0_usize) += 1;
                }
                poll
            });
            let answer = counted.await.unwrap();
            assert_eq!(answer, Answer::Right, "undisturbed, {operation:?} is answered rightly");
            for (phase, count) in pending {
                let most = polls.entry(phase).or_insert(count);
                *most = count.min(*most);
            }
        }
        polls
    }

    pub(super) async fn blow(&self, db: &TestDatabase) {
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
        let Course { rounds, workers: count, .. } = self.course;
        for worker in 0..count {
            workers.spawn(self.clone().worker(worker, rounds / count, Arc::clone(&polls)));
        }
        while let Some(ended) = workers.join_next().await {
            ended.unwrap();
        }
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = others.join_next().await {
            ended.unwrap();
        }
    }

    /// Compares the stored rows with what was promised, and returns all that was seen.
    pub(super) async fn settle(&self, direct: &mut Direct) -> Seen {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let promises = self.promises.lock().unwrap().clone();
        verdict::settle(&promises, &mut seen, direct).await;
        seen
    }
}
