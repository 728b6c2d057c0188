use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use futures_core::Stream;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::copy::merge::Task;
use crate::copy::options::CopyInOptions;
use crate::copy::progress::Following;
use crate::error::Result;
use crate::pool::Handle;
use crate::table::{TableName, WriteRow};

use super::budget::Budget;
use super::drive::run;
use super::intake::Most;
use super::reject::Rejected;
use super::reject_table::RejectTable;
use super::report::{Commit, LoadReport, Report};
use super::settings::Settings;
use super::sink::Sink;
use super::source::SourceError;

/// What a batch holds that is not told.
const ROWS: usize = 20_000;
const BYTES: usize = 4 << 20;

/// A load, or a merge, that goes on past bad rows: what [`Repository::load`](crate::Repository::load) and its like begin, and
/// [`Merge::tolerant`](crate::Merge::tolerant) and its like, whose report is a [`MergeReport`](crate::MergeReport) or a
/// [`DeleteReport`](crate::DeleteReport).
///
/// It does nothing before one of its last methods says who takes the rejects: [`collect`](Self::collect),
/// [`to_sink`](Self::to_sink), [`to_channel`](Self::to_channel) or [`to_table`](Self::to_table).
#[must_use = "a load does nothing before it is told who takes the rejects: collect, to_sink, to_channel or to_table"]
pub struct BulkLoad<H, R, S, K = LoadReport> {
    pub(super) on: H,
    pub(super) source: S,
    pub(super) settings: Settings,
    of: PhantomData<fn() -> (R, K)>,
}

impl<H, R, S> BulkLoad<H, R, S>
where
    H: Handle,
    R: WriteRow,
    S: Stream<Item = Result<R, SourceError>>,
{
    pub(crate) fn new(on: H, source: S) -> Self {
        Self::of(on, source, CopyInOptions::default(), None)
    }

    /// Which columns are sent, how many rows are expected, and the like: as for a strict load.
    ///
    /// [FREEZE](CopyInOptions::freeze) is refused, since each batch is a savepoint; so is a table that is
    /// [emptied first](CopyInOptions::truncate) with a commit of each batch. [`Progress`](crate::Progress) tells of the rows
    /// of the batches that are done; what the server has processed of the present one is left out of it.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let options = CopyInOptions::default().keep_identity();
    /// let (report, rejects) = db.repository::<User>().load(users).options(options).collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn options(mut self, options: CopyInOptions) -> Self {
        self.settings.options = options;
        self
    }

    /// When the batches are committed. Default: [`Commit::Whole`], which is also the only way in a transaction.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::Commit;
    /// let (report, rejects) = db.repository::<User>().load(users).commit(Commit::EachBatch).collect().await?;
    /// println!("{} rows in {} batches", report.rows, report.batches);
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit(mut self, commit: Commit) -> Self {
        self.settings.commit = commit;
        self
    }
}

impl<H, R, S, K> BulkLoad<H, R, S, K>
where
    H: Handle,
    R: WriteRow,
    S: Stream<Item = Result<R, SourceError>>,
    K: Report,
{
    pub(crate) fn of_merge(on: H, source: S, task: Task) -> Self {
        let options = CopyInOptions { progress: task.progress.clone(), ..CopyInOptions::default() };
        Self::of(on, source, options, Some(task))
    }

    fn of(on: H, source: S, options: CopyInOptions, merge: Option<Task>) -> Self {
        let settings = Settings {
            options,
            merge,
            budget: Budget::default(),
            most: Most { rows: ROWS, bytes: BYTES },
            commit: Commit::Whole,
            limit: None,
        };
        Self { on, source, settings, of: PhantomData }
    }

    /// The most rejects that the load stands; with one more it ends, and what is not committed is undone.
    ///
    /// Default: 1,000, or any number where only [`max_reject_share`](Self::max_reject_share) is given. With 0 any bad row ends
    /// the load, as it does a strict one. Rows that cannot be made or encoded are counted as they come, and those that the
    /// server refuses while the bad rows of their batch are told apart, which then has been read to its end.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (report, rejects) = db.repository::<User>().load(users).max_rejects(20).collect().await?;
    /// assert!(rejects.len() <= 20);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_rejects(mut self, rejects: u64) -> Self {
        self.settings.budget.count = Some(rejects);
        self
    }

    /// The largest share of rejects among all rows that the load stands, from 0 to 1.
    ///
    /// It is judged at the end of the source, and from 10,000 rows on behind each batch, so that a few bad rows at the
    /// beginning end nothing. Default: not judged.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// // One row in a hundred may be bad.
    /// let (report, rejects) = db.repository::<User>().load(users).max_reject_share(0.01).collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_reject_share(mut self, share: f64) -> Self {
        self.settings.budget.share = Some(share);
        self
    }

    /// The most rows of a batch: what is kept in memory, sent together and, where it is refused, in parts again.
    /// Default: 20,000.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::Commit;
    /// let load = db.repository::<User>().load(users).batch_rows(1_000).commit(Commit::EachBatch);
    /// let (report, rejects) = load.collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.settings.most.rows = rows;
        self
    }

    /// The bytes of COPY data that make a batch full: it ends with the row that reaches them. Default: 4 MiB.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (report, rejects) = db.repository::<User>().load(users).batch_bytes(16 << 20).collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.settings.most.bytes = bytes;
        self
    }

    /// How long the source may take to its end, from the first time it is asked. Past that the load ends with an
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) that says what is committed. Default: as long as it likes.
    ///
    /// The server's answers have limits of their own; a COMMIT that is under way is not given up.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use std::time::Duration;
    /// let load = db.repository::<User>().load(users).time_limit(Duration::from_secs(600));
    /// let (report, rejects) = load.collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.settings.limit = Some(limit);
        self
    }

    /// Runs the load and returns the rejects, in the order of the source.
    ///
    /// # Errors
    /// As [`Repository::load`](crate::Repository::load); the rejects so far are gone then: see [`to_sink`](Self::to_sink).
    ///
    /// # Cancel safety
    /// As [`Repository::load`](crate::Repository::load).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (report, rejects) = db.repository::<User>().load(users).collect().await?;
    /// println!("{} rows are stored", report.rows);
    /// for reject in &rejects {
    ///     println!("row {} is not: {}", reject.index, reject.message());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn collect(self) -> Result<(K, Vec<Rejected<R>>)> {
        let mut kept = Vec::new();
        let tally = run(self.on, self.source, self.settings, Sink::Keep(&mut kept), None).await?;
        // Those that a merge rejects come behind those that are rejected before it.
        kept.sort_by_key(|reject| reject.index);
        Ok((K::of(&tally), kept))
    }

    /// Runs the load and calls `take` with each reject, in the order of the source, behind the batch that it was in; those
    /// that a merge rejects when all rows are there come behind all others. An error of `take` ends the load, and is the cause
    /// of the load's error.
    ///
    /// With [`Commit::Whole`] that is before the COMMIT: the load may still fail, and then nothing of it is stored.
    ///
    /// # Errors
    /// As [`Repository::load`](crate::Repository::load), and [`ErrorKind::Copy`](crate::ErrorKind::Copy) around what `take`
    /// returned.
    ///
    /// # Cancel safety
    /// As [`Repository::load`](crate::Repository::load).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use std::io::Write;
    /// let mut told = Vec::new();
    /// let load = db.repository::<User>().load(users);
    /// let report = load.to_sink(|reject| writeln!(told, "{}: {}", reject.index, reject.message())).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn to_sink<F, E>(self, mut take: F) -> Result<K>
    where
        F: FnMut(Rejected<R>) -> Result<(), E> + Send,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let mut take =
            |reject: Rejected<R>| -> Result<(), Box<dyn StdError + Send + Sync>> { take(reject).map_err(Into::into) };
        run(self.on, self.source, self.settings, Sink::Call(&mut take), None).await.map(|tally| K::of(&tally))
    }

    /// Runs the load and sends each reject to a channel, as [`to_sink`](Self::to_sink) hands it to a callback. Where the
    /// channel is full the load waits, with its transaction open.
    ///
    /// # Errors
    /// As [`Repository::load`](crate::Repository::load), and [`ErrorKind::Copy`](crate::ErrorKind::Copy) where the receiver
    /// is gone when there is a reject.
    ///
    /// # Cancel safety
    /// As [`Repository::load`](crate::Repository::load).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (rejects, mut received) = tokio::sync::mpsc::channel::<pgrepo::Rejected<User>>(100);
    /// let told = async {
    ///     while let Some(reject) = received.recv().await {
    ///         println!("row {}: {}", reject.index, reject.message());
    ///     }
    /// };
    /// let (report, ()) = tokio::join!(db.repository::<User>().load(users).to_channel(rejects), told);
    /// println!("{} rows are stored", report?.rows);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn to_channel(self, rejects: mpsc::Sender<Rejected<R>>) -> Result<K> {
        run(self.on, self.source, self.settings, Sink::Channel(rejects), None).await.map(|tally| K::of(&tally))
    }

    /// Runs the load and writes the rejects to a table, in the transaction of the batch that they were in: a reject is in
    /// its table exactly if the good rows of its batch are in theirs.
    ///
    /// The table is created, in the load's transaction, if it is not there:
    ///
    /// ```sql
    /// CREATE TABLE rejects (
    ///     rejected_at     timestamptz NOT NULL DEFAULT now(),
    ///     table_name      text NOT NULL,  -- the load's
    ///     row_index       int8 NOT NULL,  -- in the source, from 0
    ///     line            int8,           -- of the source, from 1, where it could not make a row
    ///     field           text,
    ///     column_name     text,
    ///     constraint_name text,
    ///     sqlstate        text,
    ///     message         text NOT NULL,  -- may quote a value
    ///     document        json            -- the row, or the text of the source as a JSON string
    /// )
    /// ```
    ///
    /// Of two loads that create it at once, the one that comes second waits at its first batch until the transaction of the
    /// other has ended, with [`Commit::Whole`] that is the whole load: create it before, where that matters. Of rows that the
    /// source cannot make before its first one that it can, as many as a batch holds are written together.
    ///
    /// One that is there has these columns, of any types that their texts fit, and may have others. It needs the privilege
    /// to insert. The document is what serde writes of the row, and NULL where that fails; it is `json` and not `jsonb`,
    /// which would refuse some of what made the row a reject.
    ///
    /// # Errors
    /// As [`Repository::load`](crate::Repository::load), and an error that names this table where it cannot be made or
    /// written.
    ///
    /// # Cancel safety
    /// As [`Repository::load`](crate::Repository::load).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable, serde::Serialize)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let report = db.repository::<User>().load(users).to_table("user_rejects").await?;
    /// let reasons: Vec<(String, i64)> =
    ///     db.query("SELECT message, count(*) FROM user_rejects GROUP BY 1").fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn to_table<'n>(self, table: impl Into<TableName<'n>>) -> Result<K>
    where
        R: Serialize,
    {
        let table = RejectTable::new(table.into());
        let table = table.inspect_err(|_| drop(Following::begin(&self.settings.options)))?;
        run(self.on, self.source, self.settings, Sink::Table(table), None).await.map(|tally| K::of(&tally))
    }
}

impl<H, R, S, K> fmt::Debug for BulkLoad<H, R, S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkLoad").field("settings", &self.settings).finish_non_exhaustive()
    }
}
