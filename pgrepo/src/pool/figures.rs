//! What a pool and its breaker are like, told to the recorder that is there.

use metrics::{counter, gauge};

use crate::breaker::BreakerSnapshot;
use crate::observe::{About, names};

use super::status::PoolStatus;

/// Sets the gauges, and brings the totals up to date.
pub(super) fn record(about: &About, status: &PoolStatus, breaker: Option<BreakerSnapshot>) {
    names::describe();
    let pool = || about.figures().pool();
    let set = |name: &'static str, number: usize| gauge!(name, "pool" => pool()).set(number as f64);
    let total = |name: &'static str, number: u64| counter!(name, "pool" => pool()).absolute(number);
    for (state, number) in [("idle", status.idle), ("used", status.in_use)] {
        gauge!(names::POOL_CONNECTIONS, "pool" => pool(), "state" => state).set(number as f64);
    }
    set(names::POOL_CONNECTIONS_MAX, status.max);
    set(names::POOL_WAITING, status.waiting);
    total(names::POOL_OPENED, status.opened);
    let closed = [
        ("age", status.closed_by_age),
        ("idling", status.closed_by_idling),
        ("silence", status.closed_by_silence),
        ("use", status.closed_by_use),
        ("size", status.closed_by_size),
    ];
    for (reason, number) in closed {
        counter!(names::POOL_CLOSED, "pool" => pool(), "reason" => reason).absolute(number);
    }
    total(names::POOL_ACQUIRED, status.acquired);
    total(names::POOL_TIMEOUTS, status.timed_out);
    total(names::POOL_REJECTED, status.rejected);
    if let Some(breaker) = breaker {
        gauge!(names::BREAKER_STATE, "pool" => pool()).set(breaker.state.number());
        total(names::BREAKER_REJECTED, breaker.rejected);
    }
}
