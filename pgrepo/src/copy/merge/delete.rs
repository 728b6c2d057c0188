//! Deletions of many rows by their keys: merges of which nothing is stored.

use std::fmt;

use futures_core::Stream;

use crate::copy::progress::Progress;
use crate::copy::tolerant::{BulkLoad, SourceError};
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::table::{Name, OwnedRow, WriteRow};

use super::run::fetch_all;
use super::{Duplicates, Merge, MergeReport, What};

/// What became of the rows that were to be deleted; the counts add up to the number of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct DeleteReport {
    /// Rows that are not there any more.
    pub deleted: u64,
    /// Keys that no row has, or none any more, as of rows that the server has deleted with others (`ON DELETE CASCADE`).
    pub missing: u64,
    /// Keys that came before.
    pub duplicates: u64,
    /// Rows that were not deleted: of a call that goes [past bad rows](DeleteMany::tolerant) only.
    pub rejected: u64,
}

impl DeleteReport {
    /// All keys that came: the sum of the counts.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String }
    /// # async fn example(db: &Db, gone: Vec<String>) -> pgrepo::Result<()> {
    /// let report = db.repository::<Item>().delete_many(&gone).execute().await?;
    /// assert_eq!(report.total(), gone.len() as u64);
    /// # Ok(())
    /// # }
    /// ```
    pub fn total(&self) -> u64 {
        let Self { deleted, missing, duplicates, rejected } = self;
        deleted + missing + duplicates + rejected
    }

    /// What a deletion changes it deletes.
    pub(crate) fn of(report: MergeReport) -> Self {
        let MergeReport { updated: deleted, missing, duplicates, rejected, .. } = report;
        Self { deleted, missing, duplicates, rejected }
    }
}

/// Rows to be deleted, each by its key: see [`Repository::delete_many`](crate::Repository::delete_many).
#[must_use = "nothing is deleted until it is executed"]
pub struct DeleteMany<H, S>(Merge<H, S>);

impl<H, S, R, E> DeleteMany<H, S>
where
    H: Handle,
    S: Stream<Item = Result<R, E>>,
    R: WriteRow,
    E: From<Error>,
{
    pub(crate) fn new(operation: &'static str, on: H, key: Vec<Name>, rows: S) -> Self {
        let mut merge = Merge::new(operation, on, key, rows);
        merge.task.what = What::Delete;
        merge.task.duplicates = Duplicates::FirstWins;
        Self(merge)
    }

    /// Tells how far it is: see [`Merge::progress`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String }
    /// # async fn example(db: &Db, gone: Vec<String>) -> pgrepo::Result<()> {
    /// let (progress, seen) = pgrepo::Progress::channel();
    /// db.repository::<Item>().delete_many(gone).progress(progress).execute().await?;
    /// println!("{}", *seen.borrow());
    /// # Ok(())
    /// # }
    /// ```
    pub fn progress(self, progress: Progress) -> Self {
        Self(self.0.progress(progress))
    }

    /// Goes on past rows that the server does not delete, such as those that others refer to, and hands their keys back:
    /// see [`Merge::tolerant`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String }
    /// # async fn example(db: &Db, gone: Vec<String>) -> pgrepo::Result<()> {
    /// let (report, rejects) = db.repository::<Item>().delete_many(gone).tolerant().collect().await?;
    /// println!("{} deleted, {} were not there", report.deleted, report.missing);
    /// for reject in &rejects {
    ///     println!("{:?}: {}", reject.row.as_ref().map(|by| &by.key), reject.message());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn tolerant(self) -> BulkLoad<H, R, impl Stream<Item = Result<R, SourceError>>, DeleteReport>
    where
        E: Into<SourceError>,
    {
        self.0.rejecting()
    }

    /// Deletes the rows, all or none, and counts them. Memory stays flat.
    ///
    /// # Errors
    /// As [`Repository::delete_many`](crate::Repository::delete_many).
    ///
    /// # Cancel safety
    /// As [`Repository::merge`](crate::Repository::merge).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String }
    /// # async fn example(db: &Db, gone: Vec<String>) -> pgrepo::Result<()> {
    /// let report = db.repository::<Item>().delete_many(gone).execute().await?;
    /// println!("{} deleted, {} were not there", report.deleted, report.missing);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute(self) -> Result<DeleteReport, E> {
        self.0.execute().await.map(DeleteReport::of)
    }

    /// Deletes the rows, all or none, and returns each as it was, in the order in which their keys came; `None` where there
    /// is no such row, or its key came before.
    ///
    /// # Errors
    /// As [`Repository::delete_many`](crate::Repository::delete_many);
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode): a value does not fit its field, and nothing is deleted.
    ///
    /// # Cancel safety
    /// As [`Repository::merge`](crate::Repository::merge).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String }
    /// # async fn example(db: &Db, gone: Vec<String>) -> pgrepo::Result<()> {
    /// for item in db.repository::<Item>().delete_many(gone).fetch_all().await?.into_iter().flatten() {
    ///     println!("{} is gone", item.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_all(self) -> Result<Vec<Option<R::Table>>, E>
    where
        R::Table: OwnedRow,
    {
        let deleted = fetch_all(self.0.on, self.0.rows, self.0.task).await?;
        Ok(deleted.into_iter().map(|merged| merged.map(|merged| merged.row)).collect())
    }
}

impl<H, S> fmt::Debug for DeleteMany<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeleteMany").field("key", &self.0.task.key).finish_non_exhaustive()
    }
}
