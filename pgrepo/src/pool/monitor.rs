use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::db::Db;
use super::health::Health;

/// Looks after a database at intervals, and tells what changed: see [`Db::monitor`].
///
/// It does nothing by itself: whoever waits for [`next`](Self::next) drives it, so that no event is lost and none piles up.
/// With the feature `metrics` each look brings the figures of the pool up to date, as
/// [`record_metrics`](crate::Db::record_metrics) does. In the background it is a task, which ends when the pool is closed. It holds no connection of the pool; it asks over the
/// one beside it. Dropped, it is over.
///
/// # Examples
/// ```no_run
/// # fn example(db: &pgrepo::Db) {
/// use pgrepo::MonitorEvent;
/// let mut monitor = db.monitor(std::time::Duration::from_secs(5));
/// tokio::spawn(async move {
///     while let Some(event) = monitor.next().await {
///         match event {
///             MonitorEvent::Down(health) => eprintln!("the database is gone: {:?}", health.reason),
///             MonitorEvent::Up(_) => eprintln!("the database is there"),
///             _ => {}
///         }
///     }
/// });
/// # }
/// ```
#[must_use = "a monitor looks while its next event is waited for"]
pub struct Monitor {
    db: Db,
    interval: Duration,
    due: Option<Instant>,
    up: Option<bool>,
    exhausted: bool,
}

/// What a [`Monitor`] saw.
#[derive(Debug)]
#[non_exhaustive]
pub enum MonitorEvent {
    /// The server answers, and did not before, or was not asked before.
    Up(Health),
    /// The server does not answer in time, and did before, or was not asked before: [`Health::reason`] tells why.
    Down(Health),
    /// Every connection of the pool is in use and operations wait, which none did at the last look.
    Exhausted(Health),
    /// Nothing waits any more.
    Relieved(Health),
    /// Nothing changed; for the latency and the numbers of the pool.
    Same(Health),
}

impl Monitor {
    pub(super) fn new(db: Db, interval: Duration) -> Self {
        Self { db, interval, due: None, up: None, exhausted: false }
    }

    /// Waits for the next look, the first of which is at once, and tells what it saw; `None` once the pool is closed.
    ///
    /// An answer is waited for as long as the interval, and a second at least.
    ///
    /// # Cancel safety
    /// Nothing is lost: the next call looks again.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::MonitorEvent;
    /// use std::time::Duration;
    /// let mut monitor = db.monitor(Duration::from_secs(10));
    /// while let Some(event) = monitor.next().await {
    ///     if let MonitorEvent::Down(health) = event {
    ///         println!("{health:?}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<MonitorEvent> {
        if let Some(due) = self.due {
            sleep_until(due).await;
        }
        if self.db.is_closed() {
            return None;
        }
        let health = self.db.health(self.interval.max(Duration::from_secs(1))).await;
        #[cfg(feature = "metrics")]
        self.db.record_metrics();
        self.due = Some(Instant::now() + self.interval);
        let exhausted = health.pool.waiting > 0;
        if self.up != Some(health.connected) {
            self.up = Some(health.connected);
            return Some(if health.connected { MonitorEvent::Up(health) } else { MonitorEvent::Down(health) });
        }
        if self.exhausted != exhausted {
            self.exhausted = exhausted;
            return Some(if exhausted { MonitorEvent::Exhausted(health) } else { MonitorEvent::Relieved(health) });
        }
        Some(MonitorEvent::Same(health))
    }
}

impl MonitorEvent {
    /// What the look found.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(event: &pgrepo::MonitorEvent) {
    /// println!("{:?}, {} in use", event.health().latency, event.health().pool.in_use);
    /// # }
    /// ```
    pub fn health(&self) -> &Health {
        match self {
            Self::Up(health)
            | Self::Down(health)
            | Self::Exhausted(health)
            | Self::Relieved(health)
            | Self::Same(health) => health,
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("interval", &self.interval).field("up", &self.up).finish_non_exhaustive()
    }
}
