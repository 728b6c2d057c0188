use crate::pool::{Handle, InSchema};
use crate::table::PgTable;
use crate::tx::Tx;

use super::Find;
use super::select::Lock;

/// What runs in a transaction: `&mut Tx`, also of another schema.
#[diagnostic::on_unimplemented(
    message = "rows are locked in a transaction, and `{Self}` is none",
    label = "the lock would end with the statement",
    note = "begin one and ask there: let mut tx = db.begin().await?; tx.repository::<T>()"
)]
pub trait InTransaction: Handle {}

impl InTransaction for &mut Tx {}
#[cfg(test)]
impl InTransaction for crate::pool::Nowhere {}
impl<H: InTransaction> InTransaction for InSchema<'_, H> {}

/// Locks on the rows that are read; they end with the transaction
/// (<https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS>). The server refuses them beside
/// [`distinct`](Self::distinct).
impl<H: Handle, T: PgTable> Find<'_, H, T> {
    fn locked(mut self, lock: Lock) -> Self {
        self.select.lock = Some(lock);
        self
    }

    /// Locks the rows against every change and every other lock until the transaction ends, and waits for those who
    /// have locked them.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "jobs")]
    /// # struct Job { #[pg(primary_key)] id: i64, done: bool }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// let open = tx.repository::<Job>().find(Job::DONE.eq(false));
    /// if let Some(job) = open.order_by(Job::ID.asc()).for_update().skip_locked().fetch_first().await? {
    ///     tx.repository::<Job>().patch(job.id, [Job::DONE.set(true)]).await?;
    /// }
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_update(self) -> Self
    where
        H: InTransaction,
    {
        self.locked(Lock::UPDATE)
    }

    /// Locks as [`for_update`](Self::for_update), but lets others insert rows that refer to these.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "jobs")]
    /// # struct Job { #[pg(primary_key)] id: i64, done: bool }
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// let open = tx.repository::<Job>().find(Job::DONE.eq(false)).for_no_key_update().fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_no_key_update(self) -> Self
    where
        H: InTransaction,
    {
        self.locked(Lock::of(" FOR NO KEY UPDATE"))
    }

    /// Locks the rows against every change; others may lock them so too.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "jobs")]
    /// # struct Job { #[pg(primary_key)] id: i64, done: bool }
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// // Nobody changes or deletes it until the transaction ends.
    /// let job = tx.repository::<Job>().find(Job::ID.eq(1)).for_share().fetch_one().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_share(self) -> Self
    where
        H: InTransaction,
    {
        self.locked(Lock::of(" FOR SHARE"))
    }

    /// Locks the rows against being deleted and against changes of their keys.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "jobs")]
    /// # struct Job { #[pg(primary_key)] id: i64, done: bool }
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// // Its key stays until rows that refer to it are stored.
    /// let job = tx.repository::<Job>().find(Job::ID.eq(1)).for_key_share().fetch_one().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_key_share(self) -> Self
    where
        H: InTransaction,
    {
        self.locked(Lock::of(" FOR KEY SHARE"))
    }

    /// Passes over rows that others have locked; locks [for update](Self::for_update) where no lock was asked for.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "jobs")]
    /// # struct Job { #[pg(primary_key)] id: i64, done: bool }
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// let next = tx.repository::<Job>().find(Job::DONE.eq(false)).skip_locked().fetch_first().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn skip_locked(self) -> Self
    where
        H: InTransaction,
    {
        self.waiting(" SKIP LOCKED")
    }

    /// Fails at once where a row is locked by others, with
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) (SQLSTATE 55P03); locks [for update](Self::for_update) where no
    /// lock was asked for. The transaction is then aborted.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "jobs")]
    /// # struct Job { #[pg(primary_key)] id: i64, done: bool }
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// match tx.repository::<Job>().find(Job::ID.eq(1)).nowait().fetch_one().await {
    ///     Err(error) if error.is_lock_timeout() => println!("somebody else works on it"),
    ///     job => println!("done: {}", job?.done),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn nowait(self) -> Self
    where
        H: InTransaction,
    {
        self.waiting(" NOWAIT")
    }

    fn waiting(self, wait: &'static str) -> Self {
        let lock = self.select.lock.unwrap_or(Lock::UPDATE);
        self.locked(Lock { wait, ..lock })
    }
}
