use crate::error::{Error, ErrorKind, Result};

use super::reject::Rejected;

/// How many rejects a load stands that is not told.
pub(super) const REJECTS: u64 = 1_000;

/// The share is judged from so many rows on, and at the end.
pub(super) const JUDGED: u64 = 10_000;

/// How many rejects a load stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Budget {
    pub(super) count: Option<u64>,
    pub(super) share: Option<f64>,
}

impl Budget {
    pub(super) fn check(&self) -> Result<()> {
        match self.share {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                let message = format!("max_reject_share is a share of all rows, from 0 to 1, and not {share}");
                Err(Error::new(ErrorKind::Config, message))
            }
            _ => Ok(()),
        }
    }

    /// How many rejects there may be, if that is limited.
    fn most(&self) -> Option<u64> {
        self.count.or(if self.share.is_none() { Some(REJECTS) } else { None })
    }

    /// Checks the number of rejects; `last` is the last one of them.
    pub(super) fn count<R>(&self, rejected: u64, last: impl FnOnce() -> Option<Rejected<R>>) -> Result<()> {
        match self.most() {
            Some(most) if rejected > most => {
                Err(over(format!("more than {most} rows were rejected: {rejected} so far"), last()))
            }
            _ => Ok(()),
        }
    }

    /// Checks the share of the rejects among the rows that were seen.
    pub(super) fn share(&self, rejected: u64, seen: u64, ended: bool) -> Result<()> {
        let Some(share) = self.share.filter(|_| ended || seen >= JUDGED) else { return Ok(()) };
        #[allow(clippy::cast_precision_loss, reason = "exact up to 2^53 rows")]
        let over_share = rejected as f64 > share * seen as f64;
        if !over_share {
            return Ok(());
        }
        let message = format!("{rejected} of {seen} rows were rejected, a larger share than {share}");
        Err(over::<()>(message, None))
    }
}

/// The budget is spent: the last reject is where, and the cause.
fn over<R>(message: String, last: Option<Rejected<R>>) -> Error {
    let error = Error::new(ErrorKind::Copy, message);
    match last {
        Some(last) => error.at_row(last.index).caused_by(last.error),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(count: Option<u64>, share: Option<f64>) -> Budget {
        Budget { count, share }
    }

    fn counts(budget: Budget, rejected: u64) -> bool {
        budget.count::<()>(rejected, || None).is_ok()
    }

    #[test]
    fn a_count_is_the_most_there_may_be() {
        assert!(counts(budget(None, None), REJECTS) && !counts(budget(None, None), REJECTS + 1));
        assert!(counts(budget(Some(0), None), 0) && !counts(budget(Some(0), None), 1));
        assert!(counts(budget(None, Some(0.5)), u64::MAX), "a share alone lifts the count");
        assert!(!counts(budget(Some(5), Some(0.5)), 6));
    }

    #[test]
    fn a_share_is_judged_at_the_end_and_from_some_rows_on() {
        let share = budget(None, Some(0.01));
        assert!(share.share(5, JUDGED - 1, false).is_ok() && share.share(9_999, JUDGED - 1, false).is_ok());
        assert!(share.share(100, JUDGED, false).is_ok() && share.share(101, JUDGED, false).is_err());
        assert!(share.share(1, 99, true).is_err() && share.share(1, 100, true).is_ok());
        assert!(share.share(0, 0, true).is_ok());
    }

    #[test]
    fn a_share_is_one_of_all() {
        assert!([-0.1, 1.1, f64::NAN].iter().all(|share| budget(None, Some(*share)).check().is_err()));
        assert!([0.0, 1.0].iter().all(|share| budget(None, Some(*share)).check().is_ok()));
    }
}
