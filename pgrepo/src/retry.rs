//! How often, how late and how many: what decides whether an operation is run again. Nothing here sleeps.

use std::borrow::Cow;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::{self, About};

/// How operations are run again that failed without effect, or have none: see [`DbConfig::retry`](crate::DbConfig::retry).
///
/// What only reads, and what is declared to be idempotent, is run again by itself; a transaction is by
/// running its closure again. Whatever has not been sent yet is tried again too: where no connection could be made, and
/// once more where the one that was lent broke before the statement was prepared. Which errors these are is the table of [`FaultClass`](crate::FaultClass).
///
/// # Examples
/// ```
/// use pgrepo::{DbConfig, RetryConfig};
///
/// let mut config = DbConfig::default();
/// config.retry.attempts = 3;
/// config.retry = RetryConfig::off();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// How often an operation is tried at most, the first time included; 1 is to try once. Default 5.
    pub attempts: u32,
    /// The longest wait before the second attempt; it doubles with each further one. What is waited is any time up to
    /// it, so that those that failed together do not come back together. Default 50 ms.
    pub first_delay: Duration,
    /// What the longest wait grows to. Default 2 s.
    pub greatest_delay: Duration,
    /// No attempt begins later than this after the first one began. Default 30 s.
    pub deadline: Duration,
    /// So many repetitions are earned by 100 operations: with 20, an outage makes of each operation 1.2 attempts at most,
    /// and not [`attempts`](Self::attempts) times as many. All clones of a database share what is earned. Default 20.
    pub budget_percent: u32,
    /// So many repetitions are there from the beginning, and are kept at most for later. Default 10.
    pub reserve: u32,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay: Duration::from_millis(50),
            greatest_delay: Duration::from_secs(2),
            deadline: Duration::from_secs(30),
            budget_percent: 20,
            reserve: 10,
        }
    }
}

impl RetryConfig {
    /// Nothing is run again.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{DbConfig, RetryConfig};
    /// let mut config = DbConfig::default();
    /// config.retry = RetryConfig::off();
    /// ```
    pub fn off() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The waits before the second attempt, the third and so on: one fewer than there are attempts.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::RetryConfig;
    ///
    /// let retry = RetryConfig { attempts: 4, ..RetryConfig::default() };
    /// let waits: Vec<_> = retry.backoff().collect();
    /// assert_eq!(waits.len(), 3);
    /// assert!(waits[2] <= retry.first_delay * 4);
    /// ```
    pub fn backoff(&self) -> Backoff {
        let ceilings = ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(self.first_delay)
            .with_max_delay(self.greatest_delay)
            .with_max_times(usize::try_from(self.attempts.saturating_sub(1)).unwrap_or(usize::MAX))
            .build();
        Backoff { ceilings, random: fastrand::Rng::new() }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |what: &'static str| Err(Error::new(ErrorKind::Config, what));
        if self.attempts == 0 {
            return wrong("retry.attempts is 0: an operation is tried at least once, and 1 turns repetitions off");
        }
        if self.greatest_delay < self.first_delay {
            return wrong("retry.greatest_delay is below retry.first_delay");
        }
        if self.budget_percent > 100 {
            return wrong("retry.budget_percent is above 100: an operation earns one repetition at most");
        }
        Ok(())
    }
}

/// The waits between attempts: each is any time up to a limit that doubles ("full jitter").
///
/// It ends when there are to be no more attempts.
#[derive(Debug)]
pub struct Backoff {
    ceilings: ExponentialBackoff,
    random: fastrand::Rng,
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let ceiling = self.ceilings.next()?;
        let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
        Some(Duration::from_micros(self.random.u64(..=micros)))
    }
}

impl FusedIterator for Backoff {}

/// How many repetitions may be made: a share of the operations, so that an outage is not made worse by repeating
/// everything.
///
/// A [`Db`](crate::Db) has one of its own. This is for calls of yours to other services.
///
/// # Examples
/// ```
/// use pgrepo::{RetryBudget, RetryConfig};
///
/// let budget = RetryBudget::new(&RetryConfig { budget_percent: 50, reserve: 1, ..RetryConfig::default() });
/// assert!(budget.withdraw(), "the reserve");
/// assert!(!budget.withdraw());
/// budget.deposit();
/// budget.deposit();
/// assert!(budget.withdraw(), "two operations earn one");
/// ```
#[derive(Debug)]
pub struct RetryBudget {
    /// In hundredths of a repetition.
    held: AtomicU64,
    most: u64,
    earned: u64,
}

/// One repetition.
const WHOLE: u64 = 100;

impl RetryBudget {
    /// A budget that holds the reserve.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{RetryBudget, RetryConfig};
    /// let budget = RetryBudget::new(&RetryConfig::default());
    /// assert!(budget.withdraw());
    /// ```
    pub fn new(config: &RetryConfig) -> Self {
        let most = u64::from(config.reserve) * WHOLE;
        // Without a reserve one repetition can still be earned.
        Self { held: AtomicU64::new(most), most: most.max(WHOLE), earned: config.budget_percent.into() }
    }

    /// An operation begins: it earns its share.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{RetryBudget, RetryConfig};
    /// let budget = RetryBudget::new(&RetryConfig::default());
    /// while budget.withdraw() {}
    /// // So many operations earn a repetition again, at the default share.
    /// (0..100).for_each(|_| budget.deposit());
    /// assert!(budget.withdraw());
    /// ```
    pub fn deposit(&self) {
        // Most of the time it is full, and nothing needs to be written.
        if self.held.load(Ordering::Relaxed) < self.most {
            let _full = self.held.try_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                (held < self.most).then(|| (held + self.earned).min(self.most))
            });
        }
    }

    /// Takes one repetition, if there is one.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{RetryBudget, RetryConfig};
    /// let budget = RetryBudget::new(&RetryConfig::default());
    /// if budget.withdraw() {
    ///     // … run the operation again …
    /// }
    /// ```
    pub fn withdraw(&self) -> bool {
        self.held.try_update(Ordering::Relaxed, Ordering::Relaxed, |held| held.checked_sub(WHOLE)).is_ok()
    }
}

/// What a database knows about running operations again.
#[derive(Debug)]
pub(crate) struct Retry {
    config: RetryConfig,
    budget: RetryBudget,
    /// Who is told of repetitions.
    about: Option<Arc<About>>,
}

impl Retry {
    pub(crate) fn new(config: RetryConfig) -> Self {
        Self { config, budget: RetryBudget::new(&config), about: None }
    }

    /// The same, whose repetitions are told as those of a database.
    pub(crate) fn told_by(self, about: Arc<About>) -> Self {
        Self { about: Some(about), ..self }
    }

    /// What failed by an error of this type is about to be tried for the n-th time.
    pub(crate) fn tell(&self, error_type: Cow<'static, str>, attempt: u32) {
        tracing::debug!(attempt, "error.type" = &*error_type, "an operation is run again");
        if let Some(about) = &self.about {
            about.figures().repeated(error_type);
        }
    }

    /// How operations are run again that do not say it themselves.
    pub(crate) fn config(&self) -> RetryConfig {
        self.config
    }

    /// What all repetitions are taken from.
    pub(crate) fn budget(&self) -> &RetryBudget {
        &self.budget
    }

    /// Whether something may be tried once more at once.
    pub(crate) fn one_more(&self, error: &Error) -> bool {
        let granted = self.config.attempts > 1 && self.budget.withdraw();
        if granted {
            self.tell(observe::error_type(error), 2);
        }
        granted
    }

    /// An operation begins.
    pub(crate) fn attempts(&self) -> Attempts<'_> {
        self.budget.deposit();
        let deadline = self.config.deadline;
        Attempts { retry: self, began: Instant::now(), deadline, made: 1, backoff: None, last: None }
    }
}

/// The attempts at one operation.
#[derive(Debug)]
pub(crate) struct Attempts<'r> {
    retry: &'r Retry,
    began: Instant,
    deadline: Duration,
    made: u32,
    /// Made when the first attempt has failed.
    backoff: Option<Backoff>,
    last: Option<Error>,
}

impl Attempts<'_> {
    /// No attempt begins later than this, where the configuration allows more.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.deadline = self.deadline.min(limit);
        self
    }

    /// How often it was tried so far.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// An attempt has failed: how long to wait before the next one, or the error that the operation ends with.
    ///
    /// `idempotent` as in [`FaultClass::may_repeat`](crate::FaultClass::may_repeat). Where a deadline of ours has passed
    /// the operation has had its time, and where the breaker or the full queue rejects it another attempt would be rejected as well.
    pub(crate) fn after(&mut self, error: Error, idempotent: bool) -> Result<Duration> {
        let rejected = matches!(error.kind(), ErrorKind::CircuitOpen | ErrorKind::Overload);
        let over = rejected || (error.is_timeout() && error.server().is_none());
        match (!over && error.fault_class().may_repeat(idempotent)).then(|| self.wait()).flatten() {
            Some(wait) => {
                self.made += 1;
                self.retry.tell(observe::error_type(&error), self.made);
                self.last = Some(error);
                Ok(wait)
            }
            // What was rejected was no attempt: the failure before it says why.
            None if rejected && let Some(last) = self.last.take() => Err(last.after_attempts(self.made - 1)),
            None => Err(self.explain(error)),
        }
    }

    /// Gives the last error the number of attempts, and for its cause the failure before it if it has none, as that no
    /// connection was free in time.
    pub(crate) fn explain(&mut self, error: Error) -> Error {
        let error = error.after_attempts(self.made);
        match self.last.take() {
            Some(last) if std::error::Error::source(&error).is_none() => error.caused_by(last),
            _ => error,
        }
    }

    fn wait(&mut self) -> Option<Duration> {
        let Retry { config, budget, .. } = self.retry;
        let wait = self.backoff.get_or_insert_with(|| config.backoff()).next()?;
        let in_time = self.began.elapsed().saturating_add(wait) < self.deadline;
        (in_time && budget.withdraw()).then_some(wait)
    }
}

#[cfg(test)]
mod tests;
