use std::time::Duration;

use crate::breaker::Permit;
use crate::error::Error;

/// What the breaker is told of the use of a connection, when that is over.
///
/// A use that ends without a failure before the server has answered, as when it is dropped, counts as none.
pub(super) struct Call {
    /// Taken when it is told.
    permit: Option<Permit>,
    answered: bool,
    failed: bool,
    slow: bool,
}

impl Call {
    pub(super) fn new(permit: Permit) -> Self {
        Self { permit: Some(permit), answered: false, failed: false, slow: false }
    }

    /// Something is asked of the server.
    pub(super) fn asked(&mut self) {
        self.answered = false;
    }

    /// The server answered, if that was timed within so long.
    pub(super) fn answered(&mut self, took: Option<Duration>) {
        self.answered = true;
        self.slow |= self.permit.as_ref().is_some_and(|permit| took.is_some_and(|took| permit.is_slow(took)));
    }

    pub(super) fn failed(&mut self, error: &Error) {
        match error.is_infrastructure() {
            true => self.failed = true,
            false => self.answered = true,
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take()
            && (self.answered || self.failed)
        {
            permit.end(self.failed, self.slow);
        }
    }
}
