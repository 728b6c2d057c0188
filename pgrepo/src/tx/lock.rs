//! Advisory locks: on numbers that mean something to the program only
//! (<https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS>).

use std::fmt;
use std::pin::pin;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::{Operation, Subject};
use crate::pool::{Db, Guard, Session, Watch, driver};

use super::Tx;

const LOCK: &str = "advisory_lock";
const UNLOCK: &str = "unlock";

/// What an advisory lock is on: a number of 64 bits, or two of 32. The two kinds never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AdvisoryKey {
    /// One number.
    One(i64),
    /// Two numbers, such as a class of things and one of them.
    Two(i32, i32),
}

impl From<i64> for AdvisoryKey {
    fn from(key: i64) -> Self {
        Self::One(key)
    }
}

impl From<(i32, i32)> for AdvisoryKey {
    fn from((class, key): (i32, i32)) -> Self {
        Self::Two(class, key)
    }
}

impl AdvisoryKey {
    /// The arguments of the server's functions; numbers only, so nothing is to be quoted.
    fn sql(self) -> String {
        match self {
            Self::One(key) => format!("'{key}'::int8"),
            Self::Two(class, key) => format!("'{class}'::int4, '{key}'::int4"),
        }
    }
}

/// Locks that end with the transaction, also where a savepoint is rolled back in which they were taken.
impl Tx {
    /// Locks the key until the transaction ends, and waits for whoever holds it.
    ///
    /// # Errors
    /// The server refused, by `lock_timeout` or to end a deadlock for example, which aborts the transaction.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable, and nothing of it takes effect.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// const NIGHTLY: i64 = 42;
    /// let mut tx = db.begin().await?;
    /// if tx.try_advisory_lock(NIGHTLY).await? {
    ///     tx.query("DELETE FROM sessions WHERE ended < now() - interval '30 days'").execute().await?;
    /// }
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn advisory_lock(&mut self, key: impl Into<AdvisoryKey>) -> Result<()> {
        self.lock("pg_advisory_xact_lock", key.into()).await
    }

    /// Locks the key until the transaction ends unless somebody else holds it; says whether it did.
    ///
    /// # Errors
    /// The server refused, as it does in an aborted transaction.
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// if !tx.try_advisory_lock(42_i64).await? {
    ///     println!("another process does it");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn try_advisory_lock(&mut self, key: impl Into<AdvisoryKey>) -> Result<bool> {
        self.try_lock("pg_try_advisory_xact_lock", key.into()).await
    }

    /// Locks the key, as [`advisory_lock`](Self::advisory_lock), but beside others that share it.
    ///
    /// # Errors
    /// As [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// // Beside others that read, and not while somebody has the lock for itself.
    /// tx.advisory_lock_shared(42_i64).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn advisory_lock_shared(&mut self, key: impl Into<AdvisoryKey>) -> Result<()> {
        self.lock("pg_advisory_xact_lock_shared", key.into()).await
    }

    /// Locks the key, as [`try_advisory_lock`](Self::try_advisory_lock), but beside others that share it.
    ///
    /// # Errors
    /// As [`try_advisory_lock`](Self::try_advisory_lock).
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// let nobody_writes = tx.try_advisory_lock_shared(42_i64).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn try_advisory_lock_shared(&mut self, key: impl Into<AdvisoryKey>) -> Result<bool> {
        self.try_lock("pg_try_advisory_xact_lock_shared", key.into()).await
    }

    async fn lock(&mut self, function: &'static str, key: AdvisoryKey) -> Result<()> {
        self.try_lock(function, key).await.map(drop)
    }

    async fn try_lock(&mut self, function: &'static str, key: AdvisoryKey) -> Result<bool> {
        let locked = async |tx: &mut Self| {
            tx.next_operation().await?;
            let mut step = tx.step()?;
            let called = call(step.session(), LOCK, function, key).await;
            step.settle(called)
        };
        self.observe(LOCK).watch(pin!(locked(self))).await.map_err(|e| e.during(LOCK))
    }
}

/// Calls one of the server's functions for advisory locks; `false` is its answer only.
async fn call(
    session: &mut Session,
    operation: &'static str,
    function: &str,
    key: AdvisoryKey,
) -> Result<bool, sqlx::Error> {
    let sql = format!("SELECT pg_catalog.{function}({})::text", key.sql());
    // Without the key, which is a value.
    let _watch = Watch::begin(&*session, operation, || format!("SELECT pg_catalog.{function}(…)").into());
    let rows = driver::simple(session, &sql).await?;
    let answer = rows.first().map(|row| sqlx::Row::try_get::<&str, _>(row, 0)).transpose()?;
    Ok(answer != Some("false"))
}

/// Locks of a session, each on a connection of its own: see [`AdvisoryLock`].
impl Db {
    /// Locks the key until the returned guard is unlocked or dropped, and waits for whoever holds it.
    ///
    /// The guard keeps a connection of the pool for itself. Through a pooler that shares sessions between transactions
    /// such a lock is of no use: use [`Tx::advisory_lock`] there.
    ///
    /// # Errors
    /// No connection, or the server refused, by `lock_timeout` for example.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection, so that no lock is left.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// const LEADER: (i32, i32) = (7, 1);
    /// let Some(mut leader) = db.try_advisory_lock(LEADER).await? else { return Ok(()) };
    /// while leader.check().await.is_ok() {
    ///     db.query("UPDATE jobs SET started = now() WHERE id = (SELECT min(id) FROM jobs WHERE started IS NULL)")
    ///         .execute()
    ///         .await?;
    /// #   break;
    /// }
    /// leader.unlock().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn advisory_lock(&self, key: impl Into<AdvisoryKey>) -> Result<AdvisoryLock> {
        self.lock(false, key.into(), "pg_advisory_lock").await?.ok_or_else(refused)
    }

    /// Locks the key unless somebody else holds it: `None` says that somebody does.
    ///
    /// # Errors
    /// No connection, or the server refused.
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// if let Some(lock) = db.try_advisory_lock(42_i64).await? {
    ///     println!("this process does it");
    ///     lock.unlock().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn try_advisory_lock(&self, key: impl Into<AdvisoryKey>) -> Result<Option<AdvisoryLock>> {
        self.lock(false, key.into(), "pg_try_advisory_lock").await
    }

    /// Locks the key, as [`advisory_lock`](Self::advisory_lock), but beside others that share it.
    ///
    /// # Errors
    /// As [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let lock = db.advisory_lock_shared(42_i64).await?;
    /// // … others that share it go on, one that wants it for itself waits …
    /// lock.unlock().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn advisory_lock_shared(&self, key: impl Into<AdvisoryKey>) -> Result<AdvisoryLock> {
        self.lock(true, key.into(), "pg_advisory_lock_shared").await?.ok_or_else(refused)
    }

    /// Locks the key, as [`try_advisory_lock`](Self::try_advisory_lock), but beside others that share it.
    ///
    /// # Errors
    /// As [`try_advisory_lock`](Self::try_advisory_lock).
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// match db.try_advisory_lock_shared(42_i64).await? {
    ///     Some(lock) => lock.unlock().await?,
    ///     None => println!("somebody has it for itself"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn try_advisory_lock_shared(&self, key: impl Into<AdvisoryKey>) -> Result<Option<AdvisoryLock>> {
        self.lock(true, key.into(), "pg_try_advisory_lock_shared").await
    }

    async fn lock(&self, shared: bool, key: AdvisoryKey, function: &'static str) -> Result<Option<AdvisoryLock>> {
        let locked = pin!(async {
            let mut guard = self.guard().await?;
            let mut step = guard.step();
            let called = call(step.session(), LOCK, function, key).await;
            let locked = step.settle(called)?;
            Ok(locked.then(|| AdvisoryLock { guard, key, shared, held: true }))
        });
        Operation::begin(self.about(), LOCK, Subject::default()).watch(locked).await.map_err(|e: Error| e.during(LOCK))
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Query, "the server did not give the lock").during(LOCK)
}

/// An advisory lock that outlives transactions, with the connection that holds it.
///
/// Dropped without [`unlock`](Self::unlock) it closes that connection, and its server session, which ends the lock, is
/// ended soon after. Where the connection breaks the lock is gone as well, and nothing says so by itself: see
/// [`check`](Self::check).
#[must_use = "a lock that is dropped is unlocked"]
pub struct AdvisoryLock {
    guard: Guard,
    key: AdvisoryKey,
    shared: bool,
    held: bool,
}

impl AdvisoryLock {
    /// What is locked.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::AdvisoryKey;
    /// let lock = db.advisory_lock(42_i64).await?;
    /// assert_eq!(lock.key(), AdvisoryKey::One(42));
    /// # Ok(())
    /// # }
    /// ```
    pub fn key(&self) -> AdvisoryKey {
        self.key
    }

    /// Asks whether the session that holds the lock still lives, which takes a round trip.
    ///
    /// # Errors
    /// It does not, or did not answer: the lock must be taken to be somebody else's.
    ///
    /// # Cancel safety
    /// A dropped future gives up the lock: each later call is an error.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut lock = db.advisory_lock(42_i64).await?;
    /// for part in 1..=10 {
    ///     lock.check().await?;
    ///     db.query("UPDATE parts SET done = true WHERE id = $1").bind(part).execute().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn check(&mut self) -> Result<()> {
        const OPERATION: &str = "check";
        let operation = Operation::begin(&self.guard.session().about, OPERATION, Subject::default());
        let checked = pin!(async {
            if self.guard.is_dirty() {
                return Err(lost());
            }
            let mut step = self.guard.step();
            let asked = driver::simple(step.session(), "SELECT 1").await;
            step.settle(asked).map(drop)
        });
        operation.watch(checked).await.map_err(|e| e.during(OPERATION))
    }

    /// Unlocks the key, and gives the connection back.
    ///
    /// # Errors
    /// The connection had broken, and the lock with it.
    ///
    /// # Cancel safety
    /// A dropped future closes the connection, which unlocks as well.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let lock = db.advisory_lock(42_i64).await?;
    /// // … what one process only may do …
    /// lock.unlock().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn unlock(self) -> Result<()> {
        Operation::begin(&self.guard.session().about, UNLOCK, Subject::default()).watch(pin!(self.end())).await
    }

    async fn end(mut self) -> Result<()> {
        if self.guard.is_dirty() {
            return Err(lost().during(UNLOCK));
        }
        let function = if self.shared { "pg_advisory_unlock_shared" } else { "pg_advisory_unlock" };
        let mut step = self.guard.step();
        let called = call(step.session(), UNLOCK, function, self.key).await;
        if !step.settle(called).map_err(|e| e.during(UNLOCK))? {
            return Err(Error::new(ErrorKind::Query, "the session did not hold the lock any more").during(UNLOCK));
        }
        self.held = false;
        Ok(())
    }
}

#[cold]
fn lost() -> Error {
    Error::new(ErrorKind::Connection, "the lock is gone: its connection broke, or a call on it was dropped")
}

impl Drop for AdvisoryLock {
    fn drop(&mut self) {
        if self.held {
            self.guard.condemn();
        }
    }
}

impl fmt::Debug for AdvisoryLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdvisoryLock").field("key", &self.key).field("shared", &self.shared).finish_non_exhaustive()
    }
}
