//! Merges: rows are copied into a table of the session's own, and from there updated and inserted set by set.

mod job;
mod run;
mod sql;
mod stage;

use std::fmt;

use futures_core::Stream;

use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::table::{CanWrite, Column, Name, OwnedRow, WriteRow};

use super::progress::Progress;
pub(crate) use job::Job;
use run::{fetch_all, run};
pub(crate) use sql::STAGE;

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
    /// Rows that were to be updated and are not there: of
    /// [`Repository::update_many`](crate::Repository::update_many) only.
    pub missing: u64,
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
struct Task {
    operation: &'static str,
    key: Vec<Name>,
    inserts: bool,
    updated: Updated,
    duplicates: Duplicates,
    progress: Option<Progress>,
}

/// The columns that are updated of a row that is there.
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
        let task = Task { operation, key, inserts: true, updated, duplicates, progress: None };
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
    /// all are counted that came. A source without rows tells nothing.
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
        merge.task.inserts = false;
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

impl<H, S> fmt::Debug for Merge<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge").field("key", &self.task.key).finish_non_exhaustive()
    }
}

impl<H, S> fmt::Debug for UpdateMany<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateMany").field("key", &self.0.task.key).finish_non_exhaustive()
    }
}
