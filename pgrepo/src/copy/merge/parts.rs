//! A merge that goes on past bad rows: what the tolerant load asks of it when the rows are in the merge's table.

use crate::copy::failed::Failed;
use crate::error::{Error, ErrorKind};
use crate::pool::Session;

use super::job::{Job, two, unprivileged};
use super::sql::{Part, Statements};
use super::{Duplicates, MergeReport};

/// The greatest number that a row may have.
const LAST: u64 = i64::MAX.unsigned_abs();

impl Job<'_> {
    /// Marks the rows that another one with the same key wins over, and counts them.
    pub(crate) async fn settle_duplicates(&self, session: &mut Session) -> Result<u64, Failed> {
        let sql = self.statements.mark_duplicates(self.duplicates == Duplicates::LastWins);
        self.affected(session, &sql).await.map_err(told)
    }

    /// Whether such rows are bad.
    pub(crate) fn refuses_duplicates(&self) -> bool {
        self.duplicates == Duplicates::Refuse
    }

    /// These by their numbers, in their order, each with its error.
    pub(crate) async fn refused_duplicates(&self, session: &mut Session) -> Result<Vec<(u64, Error)>, Failed> {
        let rows = self.rows(session, &self.statements.duplicates()).await.map_err(told)?;
        let refused = rows.iter().map(|row| {
            let (earlier, later) = two(row).map_err(Failed::ours)?;
            let message = format!("row {earlier} (counted from 0) has the same key ({})", self.named());
            Ok((later, Error::new(ErrorKind::Copy, message)))
        });
        refused.collect()
    }

    /// Merges a part of the rows.
    pub(crate) async fn merge_part(&self, session: &mut Session, part: &Part) -> Result<MergeReport, Failed> {
        let counted = self.rows(session, &self.statements.count(part)).await?;
        let live = counted.first().map_or(Ok(0), |row| crate::copy::catalog::number(row, 0)).map_err(Failed::ours)?;
        self.merge(session, live, part).await.map_err(told)
    }

    /// Prepares for small parts.
    pub(crate) async fn prepare(&self, session: &mut Session) -> Result<(), Failed> {
        self.rows(session, &self.statements.prepare()).await.map(drop).map_err(told)
    }

    /// Hands over each row but these as it is now, if somebody takes them.
    pub(crate) async fn read_but(&mut self, session: &mut Session, these: Vec<u64>) -> Result<(), Failed> {
        let Some((columns, mut take)) = self.read.take() else { return Ok(()) };
        let sql = self.statements.read(columns.into_iter(), &Part::Between(0, LAST, these));
        self.read(session, &sql, &mut *take).await.map(drop).map_err(told)
    }

    /// Ends the tables of the merge, in a transaction that goes on.
    pub(crate) async fn close(&self, session: &mut Session) -> Result<(), Failed> {
        self.rows(session, &Statements::close()).await.map(drop).map_err(told)
    }
}

fn told(failed: Failed) -> Failed {
    failed.mapped(unprivileged)
}
