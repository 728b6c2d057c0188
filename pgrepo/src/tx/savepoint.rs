use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::pin;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::driver;

use super::Tx;
use super::closure::TxOnce;

const RELEASE: &str = "release";
const ROLLBACK: &str = "rollback";

/// A part of a transaction that can be rolled back by itself; it derefs to the transaction.
///
/// Dropped without [`release`](Self::release) it is rolled back, before whatever is done next in the transaction. There
/// may be savepoints in it, to any depth.
#[must_use = "a savepoint that is dropped is rolled back"]
pub struct Savepoint<'t> {
    tx: &'t mut Tx,
    /// 1 for the outermost; it is a part of the name on the server.
    depth: u32,
    over: bool,
}

impl Tx {
    /// Runs a part of the transaction under a savepoint: where it returns an error, what it did is rolled back and the
    /// transaction goes on.
    ///
    /// The closure gets the transaction itself, and may open savepoints in it, to any depth. A savepoint costs two round
    /// trips, one for `SAVEPOINT` and one for `RELEASE` or `ROLLBACK TO`. A panic rolls back as an error does.
    ///
    /// # Errors
    /// The closure's own, after the rollback. [`ErrorKind::Transaction`]: the closure went on after a statement had
    /// failed, so its end was refused and its part is rolled back. Where the connection broke, the whole transaction is.
    ///
    /// # Cancel safety
    /// A future that is dropped while an operation on the transaction is under way leaves the transaction unusable, and
    /// nothing of it takes effect. Dropped elsewhere in the closure, its part is rolled back and the transaction goes on.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// tx.query("INSERT INTO users (name) VALUES ($1)").bind("Ann").execute().await?;
    /// let welcomed = tx
    ///     .savepoint(async |tx| tx.query("INSERT INTO letters (to_user) VALUES ($1)").bind("Ann").execute().await)
    ///     .await;
    /// if let Err(error) = welcomed {
    ///     println!("no letter: {error}");
    /// }
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[allow(
        clippy::manual_async_fn,
        reason = "an async fn of these bounds is not known to be `Send` where it is spawned"
    )]
    pub fn savepoint<F, T, E>(&mut self, work: F) -> impl Future<Output = Result<T, E>> + Send
    where
        for<'t> F: AsyncFnOnce(&'t mut Tx) -> Result<T, E> + TxOnce<&'t mut Tx, Result<T, E>, Fut: Send> + Send,
        T: Send,
        E: From<Error> + Send,
    {
        async move {
            let savepoint = self.begin_savepoint().await?;
            match work(&mut *savepoint.tx).await {
                Ok(value) => {
                    savepoint.release().await?;
                    Ok(value)
                }
                Err(error) => {
                    // Should this fail, the connection is closed, and nothing of the transaction takes effect.
                    let _unusable = savepoint.rollback().await;
                    Err(error)
                }
            }
        }
    }

    /// Opens a savepoint; what is done on it can be rolled back by itself.
    ///
    /// # Errors
    /// The server refused, as it does in an aborted transaction.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable, and nothing of it takes effect.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// let mut part = tx.begin_savepoint().await?;
    /// part.query("UPDATE stock SET left_over = left_over - 1 WHERE item = $1").bind(7).execute().await?;
    /// let left: i32 = part.query("SELECT left_over FROM stock WHERE item = $1").bind(7).fetch_val().await?;
    /// if left < 0 {
    ///     part.rollback().await?;
    /// } else {
    ///     part.release().await?;
    /// }
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn begin_savepoint(&mut self) -> Result<Savepoint<'_>> {
        const OPERATION: &str = "savepoint";
        let operation = self.observe(OPERATION);
        let set = pin!(async {
            self.next_operation().await?;
            let depth = self.depth + 1;
            let mut step = self.step()?;
            let set = driver::simple(step.session(), &format!("SAVEPOINT {}", Name(depth))).await;
            step.settle(set)?;
            self.depth = depth;
            Ok(Savepoint { tx: self, depth, over: false })
        });
        operation.watch(set).await.map_err(|e| e.during(OPERATION))
    }

    /// Rolls back the savepoints that were dropped, if any were.
    pub(crate) async fn undo_dropped(&mut self) -> Result<()> {
        let Some(depth) = self.dropped else { return Ok(()) };
        let mut step = self.step()?;
        let undone = driver::simple(step.session(), &undo(depth)).await;
        step.settle(undone)?;
        self.dropped = None;
        Ok(())
    }
}

/// A savepoint's name on the server.
struct Name(u32);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pgrepo_{}", self.0)
    }
}

/// Rolls back to the savepoint, and takes it away with all those in it.
fn undo(depth: u32) -> String {
    let name = Name(depth);
    format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
}

impl Savepoint<'_> {
    /// Ends it and keeps what was done on it, which takes effect with the transaction.
    ///
    /// # Errors
    /// [`ErrorKind::Transaction`]: a statement on it had failed, so that it was rolled back instead; the transaction goes
    /// on. Where the connection broke, nothing of the transaction takes effect.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable, and nothing of it takes effect.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// let mut savepoint = tx.begin_savepoint().await?;
    /// savepoint.query("DELETE FROM sessions").execute().await?;
    /// savepoint.release().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn release(self) -> Result<()> {
        self.tx.observe(RELEASE).watch(pin!(self.end_by_release())).await
    }

    async fn end_by_release(mut self) -> Result<()> {
        self.tx.undo_dropped().await.map_err(|e| e.during(RELEASE))?;
        let mut step = self.tx.step().map_err(|e| e.during(RELEASE))?;
        match driver::simple(step.session(), &format!("RELEASE SAVEPOINT {}", Name(self.depth))).await {
            Ok(_) => {
                step.done();
                self.end();
                Ok(())
            }
            Err(error) => {
                let refused = step.settle(Err::<(), _>(error)).map_err(|cause| {
                    let message = "nothing of the savepoint is kept: the server refused to release it";
                    Error::new(ErrorKind::Transaction, message).caused_by(cause).during(RELEASE)
                });
                if self.tx.at_rest() {
                    // Should this fail too, each later statement says so.
                    let _aborted = self.end_by_rollback().await;
                }
                refused
            }
        }
    }

    /// Rolls back what was done on it; the transaction goes on.
    ///
    /// # Errors
    /// The connection broke: nothing of the transaction takes effect.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable, and nothing of it takes effect.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// let mut savepoint = tx.begin_savepoint().await?;
    /// savepoint.query("DELETE FROM sessions").execute().await?;
    /// savepoint.rollback().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn rollback(self) -> Result<()> {
        self.tx.observe(ROLLBACK).watch(pin!(self.end_by_rollback())).await
    }

    async fn end_by_rollback(mut self) -> Result<()> {
        let mut step = self.tx.step().map_err(|e| e.during(ROLLBACK))?;
        let undone = driver::simple(step.session(), &undo(self.depth)).await;
        step.settle(undone).map_err(|e| e.during(ROLLBACK))?;
        self.end();
        Ok(())
    }

    /// Begins it anew in one message, with what was done on it kept or not.
    pub(super) async fn again(&mut self, kept: bool) -> Result<()> {
        let name = Name(self.depth);
        let sql = match kept {
            true => format!("RELEASE SAVEPOINT {name}; SAVEPOINT {name}"),
            false => format!("ROLLBACK TO SAVEPOINT {name}"),
        };
        let mut step = self.tx.step()?;
        let done = driver::simple(step.session(), &sql).await;
        step.settle(done).map(drop)
    }

    fn end(&mut self) {
        self.over = true;
        self.tx.depth = self.depth - 1;
        // Those in it are gone with it.
        self.tx.dropped = None;
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if !self.over {
            // Those in it were dropped before.
            self.tx.dropped = Some(self.depth);
            self.tx.depth = self.depth - 1;
        }
    }
}

impl Deref for Savepoint<'_> {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        self.tx
    }
}

impl DerefMut for Savepoint<'_> {
    fn deref_mut(&mut self) -> &mut Tx {
        self.tx
    }
}

impl fmt::Debug for Savepoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Savepoint").field("depth", &self.depth).field("tx", &self.tx).finish()
    }
}
