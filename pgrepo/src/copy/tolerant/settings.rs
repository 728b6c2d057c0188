use std::time::Duration;

use crate::copy::merge::Task;
use crate::copy::options::CopyInOptions;
use crate::error::{Error, ErrorKind, Result};

use super::budget::Budget;
use super::intake::Most;
use super::report::Commit;

/// How a load goes about.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) options: CopyInOptions,
    /// What is done with the rows when all are there, if they are merged.
    pub(super) merge: Option<Task>,
    pub(super) budget: Budget,
    pub(super) most: Most,
    pub(super) commit: Commit,
    pub(super) limit: Option<Duration>,
}

/// What a load is called in messages; a merge has the name of its method.
const OPERATION: &str = "load";

impl Settings {
    pub(super) fn operation(&self) -> &'static str {
        self.merge.as_ref().map_or(OPERATION, |task| task.operation)
    }

    /// Whether they make sense together.
    pub(super) fn check(&self, in_transaction: bool) -> Result<()> {
        let refused = |message| Err(Error::new(ErrorKind::Config, message));
        if self.most.rows == 0 || self.most.bytes == 0 {
            return refused("a batch of a load holds one row and one byte at least");
        }
        if self.options.freeze {
            return refused(
                "rows are not stored frozen by a load that goes on past bad ones: its batches are savepoints, and the server \
                 takes FREEZE only where the table was emptied; copy_in does it",
            );
        }
        if self.commit == Commit::EachBatch && (self.options.truncate || self.options.restart_identity) {
            return refused("a table that is emptied first is filled in one transaction: commit the whole");
        }
        if in_transaction && self.commit == Commit::EachBatch {
            return refused(
                "a load in a transaction is committed with that: load on the database for a commit of each batch",
            );
        }
        self.budget.check()
    }
}
