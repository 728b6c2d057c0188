//! A circuit breaker: while the server fails, operations are turned away at once instead of waiting for their own failure.

mod machine;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, FaultClass, Result};
use crate::observe::About;

use machine::{Machine, Ticket};

/// When a [`Breaker`] opens and how it closes again: see [`DbConfig::breaker`](crate::DbConfig::breaker).
///
/// # Examples
/// ```
/// use pgrepo::{BreakerConfig, DbConfig};
/// use std::time::Duration;
///
/// let mut config = DbConfig::default();
/// config.breaker = Some(BreakerConfig { open_for: Duration::from_secs(5), ..BreakerConfig::default() });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// How far back calls count. Default 10 s.
    pub window: Duration,
    /// Below so many calls in the window it stays closed, whatever they came to. Default 20.
    pub min_calls: u32,
    /// It opens when so many of 100 calls in the window failed. Default 50.
    pub failure_percent: u32,
    /// A call that takes this long or longer is slow; `None` is for any length. What a transaction, a stream or a COPY
    /// takes as a whole does not count, but each statement's answer does. Default 10 s.
    pub slow_call: Option<Duration>,
    /// It opens when so many of 100 calls in the window were slow. Default 50.
    pub slow_percent: u32,
    /// How long it stays open before it lets calls through for a trial. Default 1 s.
    pub open_for: Duration,
    /// So many calls are let through for a trial, and when all have succeeded it closes. Default 3.
    pub trials: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            min_calls: 20,
            failure_percent: 50,
            slow_call: Some(Duration::from_secs(10)),
            slow_percent: 50,
            open_for: Duration::from_secs(1),
            trials: 3,
        }
    }
}

impl BreakerConfig {
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |what: &'static str| Err(Error::new(ErrorKind::Config, what));
        if self.window < Duration::from_millis(10) || self.open_for.is_zero() {
            return wrong("breaker.window is shorter than 10 ms or breaker.open_for is 0: it would forget at once");
        }
        if self.min_calls == 0 || self.trials == 0 {
            return wrong("breaker.min_calls or breaker.trials is 0: it takes a call at least to know anything");
        }
        if !(1..=100).contains(&self.failure_percent) || !(1..=100).contains(&self.slow_percent) {
            return wrong("breaker.failure_percent and breaker.slow_percent are from 1 to 100");
        }
        if self.slow_call.is_some_and(|limit| limit.is_zero()) {
            return wrong("breaker.slow_call of 0 makes every call slow: None is for any length");
        }
        Ok(())
    }
}

/// What a breaker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// All go through, and are counted.
    Closed,
    /// All are turned away.
    Open,
    /// A few go through, and what they come to decides; the others are turned away.
    HalfOpen,
}

impl BreakerState {
    /// As figures name it.
    fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }

    /// As figures count it: the greater, the worse.
    pub(crate) fn number(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
        }
    }
}

/// A breaker at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerSnapshot {
    /// What it does with calls.
    pub state: BreakerState,
    /// The calls of the window that have ended.
    pub calls: u32,
    /// Those of them that failed.
    pub failures: u32,
    /// Those of them that were slow.
    pub slow: u32,
    /// How many calls it has turned away since it was made.
    pub rejected: u64,
    /// When it lets calls through again, of one that is open.
    pub retry_in: Option<Duration>,
}

/// That a breaker went from one state to another, and what its window held then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerChange {
    /// The state before.
    pub from: BreakerState,
    /// The state now.
    pub to: BreakerState,
    /// The calls of the window.
    pub calls: u32,
    /// Those that failed.
    pub failures: u32,
    /// Those that were slow.
    pub slow: u32,
}

/// A circuit breaker: closed, open or half-open by what the calls of the last seconds came to.
///
/// A [`Db`](crate::Db) has one where its configuration asks for it. This is for calls of yours to other services: ask
/// for a [`Permit`] before each, and tell it how the call ended. Clones share one state.
///
/// # Examples
/// ```
/// use pgrepo::{Breaker, BreakerConfig, BreakerState, ErrorKind};
///
/// # fn main() -> pgrepo::Result<()> {
/// let breaker = Breaker::new(BreakerConfig { min_calls: 2, ..BreakerConfig::default() })?;
/// breaker.enter()?.failed();
/// breaker.enter()?.failed();
/// assert_eq!(breaker.snapshot().state, BreakerState::Open);
/// assert_eq!(breaker.enter().unwrap_err().kind(), ErrorKind::CircuitOpen);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Breaker(Arc<Shared>);

struct Shared {
    machine: Mutex<Machine>,
    slow_call: Option<Duration>,
    changes: broadcast::Sender<BreakerChange>,
    /// Whose breaker it is, for the figures.
    about: Option<Arc<About>>,
}

/// So many changes are kept for whoever has not asked for them yet.
const KEPT: usize = 64;

impl Breaker {
    /// A breaker that is closed.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: a setting is out of range; the message names it.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Breaker, BreakerConfig};
    /// let breaker = Breaker::new(BreakerConfig { min_calls: 5, ..BreakerConfig::default() })?;
    /// assert!(Breaker::new(BreakerConfig { min_calls: 0, ..BreakerConfig::default() }).is_err());
    /// # Ok::<(), pgrepo::Error>(())
    /// ```
    pub fn new(config: BreakerConfig) -> Result<Self> {
        Self::told_by(config, None)
    }

    /// One whose changes are told as those of a database.
    pub(crate) fn told_by(config: BreakerConfig, about: Option<Arc<About>>) -> Result<Self> {
        config.check()?;
        let (changes, _) = broadcast::channel(KEPT);
        let machine = Mutex::new(Machine::new(config, Instant::now()));
        Ok(Self(Arc::new(Shared { machine, slow_call: config.slow_call, changes, about })))
    }

    /// Lets a call through, or turns it away.
    ///
    /// # Errors
    /// [`ErrorKind::CircuitOpen`]: it is open, or half-open and as many calls as it lets through are under way.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Breaker, BreakerConfig};
    /// let breaker = Breaker::new(BreakerConfig::default())?;
    /// let permit = breaker.enter()?;
    /// // … the call …
    /// permit.succeeded();
    /// # Ok::<(), pgrepo::Error>(())
    /// ```
    pub fn enter(&self) -> Result<Permit> {
        let now = Instant::now();
        let (entered, change) = self.machine().enter(now);
        self.tell(change);
        match entered {
            Ok(ticket) => Ok(Permit { breaker: self.clone(), ticket: Some(ticket), began: now }),
            Err(Some(wait)) => Err(rejected(format!("the breaker is open for {wait:?} more: nothing was sent"))),
            Err(None) => Err(rejected("the breaker is half-open, and its trials are under way: nothing was sent")),
        }
    }

    /// What it is like now.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Breaker, BreakerConfig, BreakerState};
    /// let breaker = Breaker::new(BreakerConfig::default())?;
    /// breaker.enter()?.failed();
    /// let now = breaker.snapshot();
    /// assert_eq!((now.state, now.calls, now.failures), (BreakerState::Closed, 1, 1));
    /// # Ok::<(), pgrepo::Error>(())
    /// ```
    pub fn snapshot(&self) -> BreakerSnapshot {
        let (snapshot, change) = self.machine().snapshot(Instant::now());
        self.tell(change);
        snapshot
    }

    /// The changes of its state from now on.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> pgrepo::Result<()> {
    /// use pgrepo::{Breaker, BreakerConfig};
    /// let breaker = Breaker::new(BreakerConfig::default())?;
    /// let mut changes = breaker.changes();
    /// while let Some(change) = changes.next().await {
    ///     println!("{:?} to {:?}: {} of {} failed", change.from, change.to, change.failures, change.calls);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn changes(&self) -> BreakerChanges {
        BreakerChanges(self.0.changes.subscribe())
    }

    fn end(&self, ticket: Ticket, failed: bool, slow: bool) {
        let change = self.machine().end(ticket, failed, slow, Instant::now());
        self.tell(change);
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.0.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: Option<BreakerChange>) {
        let Some(change) = change else { return };
        let BreakerChange { from, to, calls, failures, slow } = change;
        match to {
            BreakerState::Open => {
                tracing::warn!(?from, calls, failures, slow, "the breaker opens: operations are turned away")
            }
            _ => tracing::info!(?from, ?to, "the breaker changes its state"),
        }
        if let Some(about) = &self.0.about {
            about.figures().breaker(to.name(), to.number());
        }
        // An error says that nobody listens.
        let _listeners = self.0.changes.send(change);
    }
}

fn rejected(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::CircuitOpen, message).of_fault(FaultClass::NotSent)
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breaker").field(&self.snapshot()).finish()
    }
}

/// A call that a breaker let through. Dropped without a word, as with a future that is dropped, it counts as none.
#[derive(Debug)]
#[must_use = "a permit that is dropped says nothing about its call"]
pub struct Permit {
    breaker: Breaker,
    ticket: Option<Ticket>,
    began: Instant,
}

impl Permit {
    /// The call succeeded; it was slow if it took [`slow_call`](BreakerConfig::slow_call) or longer.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Breaker, BreakerConfig};
    /// let breaker = Breaker::new(BreakerConfig::default())?;
    /// breaker.enter()?.succeeded();
    /// assert_eq!(breaker.snapshot().failures, 0);
    /// # Ok::<(), pgrepo::Error>(())
    /// ```
    pub fn succeeded(self) {
        let slow = self.is_slow(self.began.elapsed());
        self.end(false, slow);
    }

    /// The call failed.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Breaker, BreakerConfig, BreakerState};
    /// let breaker = Breaker::new(BreakerConfig { min_calls: 1, ..BreakerConfig::default() })?;
    /// breaker.enter()?.failed();
    /// assert_eq!(breaker.snapshot().state, BreakerState::Open);
    /// # Ok::<(), pgrepo::Error>(())
    /// ```
    pub fn failed(self) {
        let slow = self.is_slow(self.began.elapsed());
        self.end(true, slow);
    }

    pub(crate) fn is_slow(&self, took: Duration) -> bool {
        self.breaker.0.slow_call.is_some_and(|limit| took >= limit)
    }

    pub(crate) fn end(mut self, failed: bool, slow: bool) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.end(ticket, failed, slow);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.machine().release(ticket);
        }
    }
}

/// The changes of a breaker's state, in their order; the oldest are lost where more than 64 have not been asked for.
#[derive(Debug)]
pub struct BreakerChanges(broadcast::Receiver<BreakerChange>);

impl BreakerChanges {
    /// Waits for the next change; `None` when the breaker is gone.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(breaker: &pgrepo::Breaker) {
    /// let mut changes = breaker.changes();
    /// while let Some(change) = changes.next().await {
    ///     println!("{:?} to {:?}", change.from, change.to);
    /// }
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<BreakerChange> {
        loop {
            match self.0.recv().await {
                Ok(change) => return Some(change),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests;
