use crate::error::Result;
use crate::pool::{Session, driver};
use crate::table::{Description, TableName};
use crate::tx::TxId;
use crate::value::TypeInfo;

use super::bounds::Bounds;
use super::catalog::{Lock, Looked, Target};
use super::kind::At;
use super::literal::Condition;
use super::merge::{self, Job};
use super::progress::Following;

/// What a load writes to: the columns' names, and the check that each fits.
pub(crate) struct Plan<'s> {
    /// The method, for messages.
    pub(crate) operation: &'static str,
    pub(crate) target: Target,
    /// The struct's table, where there is a struct.
    pub(crate) table: Option<TableName<'static>>,
    /// The statement that begins the COPY, without what `how` adds.
    pub(crate) sql: String,
    /// Checks the columns against the table's, and returns the types of those that are sent.
    pub(crate) check: Box<Check>,
    pub(crate) how: How,
    /// What is done before the COPY and behind it, where its rows go through a table of their own.
    pub(crate) job: Option<Box<Job<'s>>>,
}

type Check = dyn Fn(&Description) -> Result<Vec<TypeInfo>> + Send + Sync;

/// How a load goes, beside its plain way.
#[derive(Debug, Default)]
pub(crate) struct How {
    /// Whether the table is emptied first, and its numbers then begin anew.
    pub(crate) truncate: Option<Numbers>,
    /// Whether the rows are stored frozen.
    pub(crate) freeze: bool,
    /// Which rows are stored.
    pub(crate) condition: Option<Condition>,
    /// Who follows it.
    pub(crate) following: Following,
}

/// What becomes of a table's sequences when it is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    Continue,
    Restart,
}

/// What the server said of a load before its first byte.
pub(crate) struct Started {
    /// The types of the columns that are sent.
    pub(crate) types: Vec<TypeInfo>,
    /// The number of its transaction, if that is its own.
    pub(crate) number: Option<TxId>,
}

/// A load whose table is locked, fits, and is empty if it is to be.
pub(super) struct Prepared {
    pub(super) looked: Looked<Vec<TypeInfo>>,
    /// The whole statement that begins the COPY.
    pub(super) sql: String,
}

impl Plan<'_> {
    /// The table that the COPY goes into, as the server's errors name it.
    pub(super) fn copied(&self) -> &str {
        if self.job.is_some() { merge::STAGE } else { &self.target.name }
    }

    /// Opens the bounds, locks and checks the table, empties it, and completes the statement.
    ///
    /// The outer error leaves the session wherever it is; after the inner one it is at rest.
    pub(super) async fn prepare(
        &self,
        session: &mut Session,
        bounds: &Bounds,
    ) -> Result<Result<Prepared>, (At, sqlx::Error)> {
        // Whoever empties the table takes the lock for that at once: to ask for more than one has is how deadlocks begin.
        let (lock, at) = match (&self.job, self.how.truncate) {
            (Some(_), _) => (Lock::Merge, At::LockToMerge),
            (None, Some(_)) => (Lock::Replace, At::Lock),
            (None, None) => (Lock::Write, At::Lock),
        };
        let looked = self.target.look(session, bounds, lock, &*self.check).await;
        let looked = match looked.map_err(|e| (at, e))? {
            Ok(looked) => looked,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(numbers) = self.how.truncate {
            let numbers = match numbers {
                Numbers::Continue => "CONTINUE",
                Numbers::Restart => "RESTART",
            };
            let truncate = format!("TRUNCATE {} {numbers} IDENTITY", self.target.quoted);
            driver::simple(session, &truncate).await.map_err(|e| (At::Truncate, e))?;
        }
        let mut sql = match self.sql.strip_suffix(')') {
            Some(open) if self.how.freeze => format!("{open}, FREEZE)"),
            _ => self.sql.clone(),
        };
        if let Some(condition) = &self.how.condition {
            match condition.written(session, &self.target).await.map_err(|e| (At::Copy, e))? {
                Ok(text) => sql.extend([" WHERE ", &text]),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(Prepared { looked, sql }))
    }
}
