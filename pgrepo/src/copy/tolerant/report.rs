use crate::copy::merge::{DeleteReport, MergeReport};

use super::drive::Tally;

/// When the batches of a load are committed: what a crash, an error or a dropped future leaves of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Commit {
    /// All of them with the last one, in one transaction: all good rows of the source are stored, or none.
    #[default]
    Whole,
    /// Each by itself: the batches that were committed before stay, and [`Error::committed`](crate::Error::committed) says
    /// which. The rejects of a batch are handed over once it is committed.
    EachBatch,
}

/// What a tolerant load did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LoadReport {
    /// The rows that are stored: committed, or in a transaction of the caller's to be committed with that.
    pub rows: u64,
    /// The rows that were rejected.
    pub rejected: u64,
    /// The rows that the server left out: by a filter of the load, or by a trigger where that is allowed.
    pub skipped: u64,
    /// The batches that they came in.
    pub batches: u64,
    /// The bytes of COPY data that were sent.
    pub bytes: u64,
    /// How often a row was sent again to find out which ones are bad.
    pub resent: u64,
}

impl LoadReport {
    /// All rows that the source yielded, those among them that it could not make: stored, rejected or skipped.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (report, _) = db.repository::<User>().load(&users).collect().await?;
    /// assert_eq!(report.total(), users.len() as u64);
    /// # Ok(())
    /// # }
    /// ```
    pub fn total(&self) -> u64 {
        self.rows + self.rejected + self.skipped
    }
}

/// What is told of a [`BulkLoad`](crate::BulkLoad) that has ended: a [`LoadReport`], of a merge a [`MergeReport`], or of a
/// deletion a [`DeleteReport`].
#[allow(private_interfaces, reason = "sealed: nobody outside can name or implement it")]
pub trait Report {
    #[doc(hidden)]
    fn of(tally: &Tally) -> Self;
}

#[allow(private_interfaces, reason = "as above")]
impl Report for LoadReport {
    fn of(tally: &Tally) -> Self {
        let Tally { committed, skipped, bytes, resent, .. } = *tally;
        Self { rows: committed.rows, rejected: committed.rejected, skipped, batches: committed.batches, bytes, resent }
    }
}

#[allow(private_interfaces, reason = "as above")]
impl Report for MergeReport {
    fn of(tally: &Tally) -> Self {
        Self { rejected: tally.committed.rejected, ..tally.merged }
    }
}

#[allow(private_interfaces, reason = "as above")]
impl Report for DeleteReport {
    fn of(tally: &Tally) -> Self {
        Self::of(MergeReport::of(tally))
    }
}
