//! Merges: rows are copied into a table of the session's own, and from there updated and inserted set by set.

mod delete;
mod job;
mod parts;
mod run;
mod sql;
mod stage;
mod update;

use std::fmt;

use futures_core::Stream;
use futures_util::StreamExt;

use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::table::{CanWrite, Column, Name, OwnedRow, WriteRow};

use super::progress::Progress;
use super::tolerant::{BulkLoad, Report, SourceError};
pub use delete::{DeleteMany, DeleteReport};
pub(crate) use job::{Job, Take};
use run::{fetch_all, run};
pub(crate) use run::{of_row, take};
pub(crate) use sql::{Part, STAGE};
pub(crate) use stage::{encode, plan};
pub use update::UpdateMany;

/// Which of the rows of one merge that have the same key is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Duplicates {
    /// None: the merge is refused, and the error names two of them.
    #[default]
    Refuse,
    /// The one that came first.
    FirstWins,
    /// The one that came last.
    LastWins,
}

/// What became of the rows of a merge; the counts add up to the number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct MergeReport {
    /// Rows that were not there before.
    pub inserted: u64,
    /// Rows that were there and have other values now.
    pub updated: u64,
    /// Rows that were there with the same values, or of which nothing was to be updated; they were not written.
    pub unchanged: u64,
    /// Rows that another one with the same key won over.
    pub duplicates: u64,
    /// Rows that were rejected: of a merge that goes [past bad rows](Merge::tolerant) only.
    pub rejected: u64,
    /// Rows that were to be updated and are not there: of
    /// [`Repository::update_many`](crate::Repository::update_many) only.
    pub missing: u64,
}

impl MergeReport {
    /// All rows that came: the sum of the counts.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, price: i64 }
    /// # async fn example(db: &pgrepo::Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// let report = db.repository::<Item>().merge(&items).execute().await?;
    /// assert_eq!(report.total(), items.len() as u64);
    /// # Ok(())
    /// # }
    /// ```
    pub fn total(&self) -> u64 {
        let Self { inserted, updated, unchanged, duplicates, rejected, missing } = self;
        inserted + updated + unchanged + duplicates + rejected + missing
    }
}

/// What became of one row of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MergeOutcome {
    /// It was not there before.
    Inserted,
    /// It was there and has other values now.
    Updated,
    /// It was there with the same values, or nothing of it was to be updated; it was not written.
    Unchanged,
    /// Another one with the same key won over it.
    Duplicate,
}

/// A row that was merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Merged<T> {
    /// The row with its key as the server has it now: with generated keys, defaults, and what was not updated.
    pub row: T,
    /// What became of it.
    pub outcome: MergeOutcome,
}

/// What a merge is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) operation: &'static str,
    key: Vec<Name>,
    what: What,
    updated: Updated,
    duplicates: Duplicates,
    pub(crate) progress: Option<Progress>,
}

/// What is done with the rows by their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Those that are there are updated, and the others inserted.
    Merge,
    Update,
    Delete,
}

/// The columns that are updated of a row that is there.
#[derive(Debug, Clone)]
enum Updated {
    All,
    Only(Vec<Name>),
}

impl Task {
    fn update(&mut self, name: Name) {
        match &mut self.updated {
            Updated::Only(names) if names.contains(&name) => {}
            Updated::Only(names) => names.push(name),
            Updated::All => self.updated = Updated::Only(vec![name]),
        }
    }
}

/// Rows to be merged into a table: see [`Repository::merge`](crate::Repository::merge).
#[must_use = "nothing is merged until it is executed"]
pub struct Merge<H, S> {
    on: H,
    rows: S,
    task: Task,
}

impl<H, S, R, E> Merge<H, S>
where
    H: Handle,
    S: Stream<Item = Result<R, E>>,
    R: WriteRow,
    E: From<Error>,
{
    pub(crate) fn new(operation: &'static str, on: H, key: Vec<Name>, rows: S) -> Self {
        let (updated, duplicates) = (Updated::All, Duplicates::Refuse);
        let task = Task { operation, key, what: What::Merge, updated, duplicates, progress: None };
        Self { on, rows, task }
    }

    /// Updates this column of rows that are there, and those that are named by further calls. Default: all columns that
    /// the rows write, but for the primary key and those that the rows are found by.
    ///
    /// A column marked `#[pg(version)]` is counted up by itself.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// // The names of the items that are there stay as they are.
    /// db.repository::<Item>().merge(items).update(Item::PRICE).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update<V: ?Sized, W: CanWrite>(mut self, column: Column<R::Table, V, W>) -> Self {
        self.task.update(column.name());
        self
    }

    /// Leaves rows that are there as they are, and only inserts the others.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// let report = db.repository::<Item>().merge(items).update_none().execute().await?;
    /// println!("{} items are new", report.inserted);
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_none(mut self) -> Self {
        self.task.updated = Updated::Only(Vec::new());
        self
    }

    /// Says which of several rows with the same key is stored. Default: [`Duplicates::Refuse`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// use pgrepo::Duplicates;
    /// db.repository::<Item>().merge(items).duplicates(Duplicates::LastWins).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn duplicates(mut self, which: Duplicates) -> Self {
        self.task.duplicates = which;
        self
    }

    /// Tells how far the merge is: see [`Progress`]. The rows are [sending](crate::LoadPhase::Sending) while they go into
    /// the server's temporary table, whose rows are what [`LoadProgress::server`](crate::LoadProgress::server) counts;
    /// merged they are while it is [finishing](crate::LoadPhase::Finishing), and of the rows that are stored in the end
    /// all are counted that came. Of a source without rows no more is told than that it is
    /// [stored](crate::LoadPhase::Stored).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// use pgrepo::Progress;
    /// let (progress, mut seen) = Progress::channel();
    /// tokio::spawn(async move {
    ///     while seen.changed().await.is_ok() {
    ///         println!("{}", *seen.borrow_and_update());
    ///     }
    /// });
    /// db.repository::<Item>().merge(items).progress(progress).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn progress(mut self, progress: Progress) -> Self {
        self.task.progress = Some(progress);
        self
    }

    /// Goes on past bad rows, and hands them back: each as a [`Rejected`](crate::Rejected) with the reason, as
    /// [`Repository::load`](crate::Repository::load) does. What follows on it sets the budget, and its last method says who
    /// takes the rejects.
    ///
    /// A row is bad that cannot be encoded, that its columns' types refuse when it is copied, or that the server refuses to
    /// insert or update: what is listed at [`load`](crate::Repository::load), and a row-level security policy (42501). With
    /// [`Duplicates::Refuse`] it is also each row but the first of those with the same key; where the first or the last one
    /// wins, and is bad, the others are duplicates all the same. A row that a trigger leaves out ends the merge, and so does
    /// one whose place in the table a policy hides from the role or does not let it update.
    ///
    /// Encoded rows go into the merge's table in batches, as those of a tolerant load do. When all are there they are merged
    /// as a whole, as a merge without bad rows is; where that is refused it is undone and done in parts, each under a
    /// savepoint, until the bad rows are found. Of those that exclude each other in a part the server takes the one whose key
    /// comes first. Rows that need others to be there, or gone, are tried again with those; some that go in together only, such
    /// as two that change unique values with each other, may be rejected with a bad one that the same constraint refuses.
    ///
    /// Other merges into the table wait from then on until the transaction ends, and this one waits for those under way before
    /// it begins with the parts: merges with and without bad rows end in no deadlock with each other. In a transaction that
    /// has written to the table before it, such a merge and another one of the same rows may: the server ends one of them,
    /// which [may be repeated](crate::Error::is_retryable).
    /// Deferred constraints are checked behind each statement, as by a tolerant load.
    ///
    /// [`fetch_all`](BulkLoad::fetch_all) on it tells what became of each row, and has those that were merged as they are stored.
    ///
    /// All rows are kept in memory until the end, since each may come back. Where they are too many for that, merge them in
    /// several calls. A source without rows makes the merge's tables all the same. What the server has processed is not followed
    /// ([`LoadProgress::server`](crate::LoadProgress)).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: Vec<Item>) -> pgrepo::Result<()> {
    /// let merge = db.repository::<Item>().merge(items).tolerant().max_rejects(100);
    /// let (report, rejects) = merge.collect().await?;
    /// println!("{} new, {} changed, {} rejected", report.inserted, report.updated, report.rejected);
    /// for reject in &rejects {
    ///     println!("row {}: {}", reject.index, reject.message());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn tolerant(self) -> BulkLoad<H, R, impl Stream<Item = Result<R, SourceError>>, MergeReport>
    where
        E: Into<SourceError>,
    {
        self.rejecting()
    }

    /// The same with a report of whatever sort.
    fn rejecting<K: Report>(self) -> BulkLoad<H, R, impl Stream<Item = Result<R, SourceError>>, K>
    where
        E: Into<SourceError>,
    {
        BulkLoad::of_merge(self.on, self.rows.map(|row| row.map_err(Into::into)), self.task)
    }

    /// Merges the rows, all or none, and counts what became of them. Memory stays flat.
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
    /// let report = db.repository::<Item>().merge(items).execute().await?;
    /// println!("{} new, {} changed", report.inserted, report.updated);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute(self) -> Result<MergeReport, E> {
        run(self.on, self.rows, self.task, None).await
    }

    /// Merges the rows, all or none, and returns of each, in the order in which they came, how it is stored now and what
    /// became of it. Of several rows with the same key each gets the one that is stored.
    ///
    /// # Errors
    /// As [`Repository::merge`](crate::Repository::merge); [`ErrorKind::Decode`](crate::ErrorKind::Decode): a value that
    /// was stored does not fit its field, and nothing is stored.
    ///
    /// # Cancel safety
    /// As [`Repository::merge`](crate::Repository::merge).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, MergeOutcome, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, users: Vec<NewUser>) -> pgrepo::Result<()> {
    /// for user in db.repository::<User>().merge_on(User::UNIQUE_EMAIL, users).fetch_all().await? {
    ///     if user.outcome == MergeOutcome::Inserted {
    ///         println!("{} is the new number {}", user.row.name, user.row.id);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_all(self) -> Result<Vec<Merged<R::Table>>, E>
    where
        R::Table: OwnedRow,
    {
        // Each is there: a row that is missing is an error of a merge that inserts.
        Ok(fetch_all(self.on, self.rows, self.task).await?.into_iter().flatten().collect())
    }
}

impl<H, S> fmt::Debug for Merge<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge").field("key", &self.task.key).finish_non_exhaustive()
    }
}
