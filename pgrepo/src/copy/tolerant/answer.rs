//! What came of the sending of a COPY.

use crate::copy::failed::placed;
use crate::copy::feed::Unfed;
use crate::copy::kind::At;
use crate::copy::plan::Plan;
use crate::error::{Error, Result};
use crate::pool::Step;

use super::blame;

/// How the sending of a COPY ended.
pub(super) enum Sent {
    /// The server has answered, or cannot be reached.
    Ended(Result<u64, Unfed>),
    /// A row that could be encoded before now cannot be; what was sent is ended and is to be undone.
    Unsendable { line: usize, error: Error },
    /// The source failed; and how what was sent ended.
    Cut { error: Error, ended: Result<u64, sqlx::Error> },
}

/// What the server said of it; the session is at rest.
pub(super) enum Answer {
    Stored(u64),
    Refused { line: Option<usize>, error: Error },
}

/// Ends the step of a COPY. An error ends the load; `index` says which of the source's rows stood on a line.
pub(super) fn answer(
    step: Step<'_>,
    sent: Sent,
    plan: &Plan<'_>,
    index: impl Fn(usize) -> Option<u64>,
) -> Result<Answer> {
    match sent {
        Sent::Ended(Ok(count)) => {
            step.done();
            Ok(Answer::Stored(count))
        }
        Sent::Ended(Err(Unfed::Seen(failed))) => Err(failed.told(step).error),
        Sent::Ended(Err(Unfed::Driver(error))) => {
            let (error, line) = placed(step.failed(error), plan.copied());
            let line = line.and_then(|line| usize::try_from(line).ok());
            if blame::is_of_a_row(&error) {
                return Ok(Answer::Refused { line, error });
            }
            let error = match line.and_then(index) {
                Some(row) => error.at_row(row),
                None => error,
            };
            Err(At::Copy.advise(error, &plan.how))
        }
        Sent::Unsendable { line, error } => {
            step.done();
            Ok(Answer::Refused { line: Some(line), error })
        }
        Sent::Cut { error, ended } => {
            // The source's error is the one to tell; how the COPY ended is the pool's business.
            let _told = step.settle(ended);
            Err(error)
        }
    }
}
