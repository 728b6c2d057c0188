use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a pool is like at one moment, and what it has done since it was made: see [`Db::status`](crate::Db::status).
///
/// The numbers are read one after the other while the pool goes on, so they may be off by what happened in between.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// The most connections that there may be; 0 once the pool is closed.
    pub max: usize,
    /// The connections that there are; those that are being made, or ended on the server, do not count.
    pub size: usize,
    /// The connections that wait for an operation.
    pub idle: usize,
    /// The operations that have a connection, or for which one is being made or pinged.
    pub in_use: usize,
    /// The operations that wait for a connection.
    pub waiting: usize,
    /// How many connections were made.
    pub opened: u64,
    /// How many were replaced because they were too old (`max_lifetime`).
    pub closed_by_age: u64,
    /// How many were closed because they had idled for too long (`max_idle`).
    pub closed_by_idling: u64,
    /// How many were closed because they did not answer a ping.
    pub closed_by_silence: u64,
    /// How many were closed because an operation on them broke or was dropped, or because they had been lent raw.
    pub closed_by_use: u64,
    /// How many were closed because the pool was made smaller or closed.
    pub closed_by_size: u64,
    /// How often a connection was lent.
    pub acquired: u64,
    /// How many operations had to wait for one, whether they got it or not.
    pub waited: u64,
    /// How long they waited, all together.
    pub wait_time: Duration,
    /// How many operations got none within `acquire_timeout`.
    pub timed_out: u64,
    /// How many were turned away because `max_waiting` others waited.
    pub rejected: u64,
}

impl PoolStatus {
    /// Whether every connection that there may be is in use.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(db: &pgrepo::Db) {
    /// if db.status().is_exhausted() {
    ///     println!("the next operation waits");
    /// }
    /// # }
    /// ```
    pub fn is_exhausted(&self) -> bool {
        self.in_use >= self.max
    }
}

/// Why a connection is closed.
#[derive(Clone, Copy)]
pub(super) enum Reason {
    Age,
    Idling,
    Silence,
    Use,
    Size,
}

#[derive(Default)]
pub(super) struct Counters {
    opened: AtomicU64,
    closed: [AtomicU64; 5],
    acquired: AtomicU64,
    waited: AtomicU64,
    wait_micros: AtomicU64,
    timed_out: AtomicU64,
    rejected: AtomicU64,
}

fn one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn opened(&self) {
        one(&self.opened);
    }

    pub(super) fn closed(&self, reason: Reason) {
        one(&self.closed[reason as usize]);
    }

    pub(super) fn acquired(&self) {
        one(&self.acquired);
    }

    pub(super) fn waited(&self, time: Duration) {
        one(&self.waited);
        self.wait_micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn timed_out(&self) {
        one(&self.timed_out);
    }

    pub(super) fn rejected(&self) {
        one(&self.rejected);
    }

    /// Adds the totals to what the pool is like.
    pub(super) fn complete(&self, now: PoolStatus) -> PoolStatus {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let closed = |reason: Reason| of(&self.closed[reason as usize]);
        let gone = self.closed.iter().map(of).sum();
        PoolStatus {
            size: usize::try_from(of(&self.opened).saturating_sub(gone)).unwrap_or(usize::MAX),
            opened: of(&self.opened),
            closed_by_age: closed(Reason::Age),
            closed_by_idling: closed(Reason::Idling),
            closed_by_silence: closed(Reason::Silence),
            closed_by_use: closed(Reason::Use),
            closed_by_size: closed(Reason::Size),
            acquired: of(&self.acquired),
            waited: of(&self.waited),
            wait_time: Duration::from_micros(of(&self.wait_micros)),
            timed_out: of(&self.timed_out),
            rejected: of(&self.rejected),
            ..now
        }
    }
}
