//! Updates of many rows by their keys: merges that insert nothing.

use std::fmt;

use futures_core::Stream;

use crate::copy::progress::Progress;
use crate::copy::tolerant::{BulkLoad, SourceError};
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::table::{CanWrite, Column, Name, OwnedRow, WriteRow};

use super::run::fetch_all;
use super::{Duplicates, Merge, MergeReport, Merged, What};

/// Rows to be updated, each by its key: see [`Repository::update_many`](crate::Repository::update_many).
#[must_use = "nothing is updated until it is executed"]
pub struct UpdateMany<H, S>(Merge<H, S>);

impl<H, S, R, E> UpdateMany<H, S>
where
    H: Handle,
    S: Stream<Item = Result<R, E>>,
    R: WriteRow,
    E: From<Error>,
{
    pub(crate) fn new(operation: &'static str, on: H, key: Vec<Name>, rows: S) -> Self {
        let mut merge = Merge::new(operation, on, key, rows);
        merge.task.what = What::Update;
        Self(merge)
    }

    /// Updates this column, and those that are named by further calls: see [`Merge::update`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// db.repository::<Item>().update_many(items).update(Item::PRICE).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update<V: ?Sized, W: CanWrite>(self, column: Column<R::Table, V, W>) -> Self {
        Self(self.0.update(column))
    }

    /// Says which of several rows with the same key is stored: see [`Merge::duplicates`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// use pgrepo::Duplicates;
    /// db.repository::<Item>().update_many(items).duplicates(Duplicates::LastWins).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn duplicates(self, which: Duplicates) -> Self {
        Self(self.0.duplicates(which))
    }

    /// Tells how far it is: see [`Merge::progress`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// let (progress, seen) = pgrepo::Progress::channel();
    /// db.repository::<Item>().update_many(items).progress(progress).execute().await?;
    /// println!("{}", *seen.borrow());
    /// # Ok(())
    /// # }
    /// ```
    pub fn progress(self, progress: Progress) -> Self {
        Self(self.0.progress(progress))
    }

    /// Goes on past bad rows, and hands them back: see [`Merge::tolerant`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// let (report, rejects) = db.repository::<Item>().update_many(items).tolerant().collect().await?;
    /// println!("{} changed, {} are not there, {} rejected", report.updated, report.missing, rejects.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn tolerant(self) -> BulkLoad<H, R, impl Stream<Item = Result<R, SourceError>>, MergeReport>
    where
        E: Into<SourceError>,
    {
        self.0.tolerant()
    }

    /// Updates the rows, all or none, and counts what became of them. Memory stays flat.
    ///
    /// # Errors
    /// As [`Repository::merge`](crate::Repository::merge).
    ///
    /// # Cancel safety
    /// As [`Repository::merge`](crate::Repository::merge).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, price: i64 }
    /// # async fn example(db: &pgrepo::Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// let report = db.repository::<Item>().update_many(items).execute().await?;
    /// println!("{} changed, {} are not there", report.updated, report.missing);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute(self) -> Result<MergeReport, E> {
        self.0.execute().await
    }

    /// Updates the rows, all or none, and returns of each, in the order in which they came, how it is stored now and what
    /// became of it; `None` where there is no row with its key.
    ///
    /// # Errors
    /// As [`Merge::fetch_all`].
    ///
    /// # Cancel safety
    /// As [`Repository::merge`](crate::Repository::merge).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// let updated = db.repository::<Item>().update_many(items).fetch_all().await?;
    /// let gone = updated.iter().filter(|item| item.is_none()).count();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_all(self) -> Result<Vec<Option<Merged<R::Table>>>, E>
    where
        R::Table: OwnedRow,
    {
        fetch_all(self.0.on, self.0.rows, self.0.task).await
    }
}

impl<H, S> fmt::Debug for UpdateMany<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateMany").field("key", &self.0.task.key).finish_non_exhaustive()
    }
}
