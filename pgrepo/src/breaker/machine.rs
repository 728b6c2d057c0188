use std::time::Duration;

use tokio::time::Instant;

use super::{BreakerChange, BreakerConfig, BreakerSnapshot, BreakerState};

/// The window is cut into so many parts, which are forgotten one by one.
const PARTS: u8 = 10;

/// The states and what leads from one to another. It is told the time and does nothing by itself.
#[derive(Debug)]
pub(super) struct Machine {
    config: BreakerConfig,
    state: State,
    /// Counts the changes of state: a call that began before the last one says nothing about the state now.
    epoch: u64,
    made: Instant,
    parts: [Part; PARTS as usize],
    rejected: u64,
}

#[derive(Debug)]
enum State {
    Closed,
    Open { until: Instant },
    HalfOpen { under_way: u32, succeeded: u32 },
}

#[derive(Debug, Clone, Copy, Default)]
struct Part {
    number: u64,
    sum: Sum,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    calls: u32,
    failures: u32,
    slow: u32,
}

/// A call that was let through.
#[derive(Debug)]
pub(super) struct Ticket {
    epoch: u64,
}

impl Machine {
    pub(super) fn new(config: BreakerConfig, now: Instant) -> Self {
        let parts = [Part::default(); PARTS as usize];
        Self { config, state: State::Closed, epoch: 0, made: now, parts, rejected: 0 }
    }

    /// Lets a call through, or says how long it is turned away for, if that is known.
    pub(super) fn enter(&mut self, now: Instant) -> (Result<Ticket, Option<Duration>>, Option<BreakerChange>) {
        let change = self.advance(now);
        let refusal = match &mut self.state {
            State::Closed => None,
            State::Open { until } => Some(Some(until.saturating_duration_since(now))),
            State::HalfOpen { under_way, succeeded } if *under_way + *succeeded < self.config.trials => {
                *under_way += 1;
                None
            }
            State::HalfOpen { .. } => Some(None),
        };
        self.rejected += u64::from(refusal.is_some());
        (refusal.map_or(Ok(Ticket { epoch: self.epoch }), Err), change)
    }

    /// A call that was let through has ended.
    pub(super) fn end(&mut self, ticket: Ticket, failed: bool, slow: bool, now: Instant) -> Option<BreakerChange> {
        if ticket.epoch != self.epoch {
            return None;
        }
        self.count(failed, slow, now);
        match &mut self.state {
            State::Closed => {
                let Sum { calls, failures, slow } = self.sum(now);
                let reached = |part: u32, percent: u32| u64::from(part) * 100 >= u64::from(calls) * u64::from(percent);
                let opens = calls >= self.config.min_calls
                    && (reached(failures, self.config.failure_percent) || reached(slow, self.config.slow_percent));
                opens.then(|| self.open(now))
            }
            State::HalfOpen { .. } if failed || slow => Some(self.open(now)),
            State::HalfOpen { under_way, succeeded } => {
                *under_way = under_way.saturating_sub(1);
                *succeeded += 1;
                (*succeeded >= self.config.trials).then(|| {
                    let change = self.turn(State::Closed, now);
                    self.parts = Default::default();
                    change
                })
            }
            State::Open { .. } => None,
        }
    }

    /// A call that was let through says nothing: another may be tried in its place.
    pub(super) fn release(&mut self, ticket: Ticket) {
        if ticket.epoch == self.epoch
            && let State::HalfOpen { under_way, .. } = &mut self.state
        {
            *under_way = under_way.saturating_sub(1);
        }
    }

    pub(super) fn snapshot(&mut self, now: Instant) -> (BreakerSnapshot, Option<BreakerChange>) {
        let change = self.advance(now);
        let Sum { calls, failures, slow } = self.sum(now);
        let retry_in = match self.state {
            State::Open { until } => Some(until.saturating_duration_since(now)),
            _ => None,
        };
        let (state, rejected) = (self.state.told(), self.rejected);
        (BreakerSnapshot { state, calls, failures, slow, rejected, retry_in }, change)
    }

    /// An open one becomes half-open when its time is over.
    fn advance(&mut self, now: Instant) -> Option<BreakerChange> {
        match self.state {
            State::Open { until } if until <= now => {
                let change = self.turn(State::HalfOpen { under_way: 0, succeeded: 0 }, now);
                Some(change)
            }
            _ => None,
        }
    }

    fn open(&mut self, now: Instant) -> BreakerChange {
        self.turn(State::Open { until: now + self.config.open_for }, now)
    }

    fn turn(&mut self, to: State, now: Instant) -> BreakerChange {
        let Sum { calls, failures, slow } = self.sum(now);
        let from = std::mem::replace(&mut self.state, to).told();
        self.epoch += 1;
        BreakerChange { from, to: self.state.told(), calls, failures, slow }
    }

    /// The number of the part of the window that a moment is in; the first is 1.
    fn number(&self, now: Instant) -> u64 {
        let part = (self.config.window / u32::from(PARTS)).as_nanos().max(1);
        let number = now.saturating_duration_since(self.made).as_nanos() / part + 1;
        u64::try_from(number).unwrap_or(u64::MAX)
    }

    fn count(&mut self, failed: bool, slow: bool, now: Instant) {
        let number = self.number(now);
        // The part of this time, or the place of the one that is forgotten for it.
        let at = self.parts.iter().position(|part| part.number == number).unwrap_or_else(|| {
            let oldest = (0..self.parts.len()).min_by_key(|at| self.parts[*at].number).unwrap_or(0);
            self.parts[oldest] = Part { number, ..Part::default() };
            oldest
        });
        let sum = &mut self.parts[at].sum;
        sum.calls += 1;
        sum.failures += u32::from(failed);
        sum.slow += u32::from(slow);
    }

    fn sum(&self, now: Instant) -> Sum {
        let oldest = (self.number(now) + 1).saturating_sub(u64::from(PARTS));
        let counted = self.parts.iter().filter(|part| part.number >= oldest);
        counted.fold(Sum::default(), |sum, Part { sum: part, .. }| Sum {
            calls: sum.calls + part.calls,
            failures: sum.failures + part.failures,
            slow: sum.slow + part.slow,
        })
    }
}

impl State {
    fn told(&self) -> BreakerState {
        match self {
            Self::Closed => BreakerState::Closed,
            Self::Open { .. } => BreakerState::Open,
            Self::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}
