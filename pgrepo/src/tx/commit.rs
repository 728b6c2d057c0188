use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use crate::error::{Error, ErrorKind, FaultClass, Result};
use crate::pool::{Db, driver};

use super::outcome::Unanswered;
use super::{Tx, TxId, TxOutcome};

const OPERATION: &str = "commit";

/// The waits between two questions for what became of a transaction.
const FIRST_WAIT: Duration = Duration::from_millis(2);
const GREATEST_WAIT: Duration = Duration::from_millis(500);

impl Tx {
    /// Commits: all of the transaction takes effect.
    ///
    /// The server sees `SAVEPOINT` and `COMMIT` in one message. A COMMIT alone is answered by a rollback in an aborted
    /// transaction, and by a mere warning where none is open any more, as after a ROLLBACK on the raw connection; the
    /// SAVEPOINT is refused in both.
    ///
    /// Where the connection breaks before COMMIT is answered, and [`id`](Self::id) was called before, the server is asked
    /// over another connection what became of the transaction, for as long as acquiring a connection may take.
    ///
    /// # Errors
    /// [`ErrorKind::Transaction`]: an earlier statement had failed, or a constraint that was deferred to the end was
    /// violated, and nothing took effect; or COMMIT was not answered, and either the server says that nothing took effect,
    /// or whether it did stays unknown: [`Error::fault_class`] is [`FaultClass::Indeterminate`] then, and in no other case.
    /// [`Error::tx_id`] is what [`Db::outcome`] can be asked by later.
    ///
    /// # Cancel safety
    /// Whether a dropped future's COMMIT takes effect is unknown: [`Db::outcome`] tells, by the [`id`](Self::id) that was
    /// asked for before.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// tx.query("DELETE FROM sessions").execute().await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn commit(self) -> Result<()> {
        self.observe(OPERATION).watch(pin!(self.end_by_commit())).await
    }

    async fn end_by_commit(mut self) -> Result<()> {
        let prepared = self.undo_dropped().await.and_then(|()| self.step());
        let mut step = prepared.map_err(|e| e.during(OPERATION))?;
        let Err(error) = driver::simple(step.session(), "SAVEPOINT pgrepo_commit; COMMIT").await else {
            step.done();
            self.end();
            return Ok(());
        };
        let answered = driver::at_rest(&error);
        let cause = step.commit_failed(error);
        if answered {
            let message = "nothing of it took effect: the server rolled the transaction back";
            let refused = Error::new(ErrorKind::Transaction, message).caused_by(cause);
            // Should this fail, the connection is closed, which rolls back as well.
            let _closed = self.end_by_rollback().await;
            return Err(refused.during(OPERATION));
        }
        let (db, id, read_only) = (self.db.clone(), self.id, self.read_only);
        // Its session is ended, so that the transaction does not stay in progress.
        drop(self);
        resolve(&db, Unanswered::new(id, cause), read_only).await.map_err(|e| e.during(OPERATION))
    }

    /// Rolls back: nothing of the transaction takes effect.
    ///
    /// # Errors
    /// The connection broke, which rolls back as well.
    ///
    /// # Cancel safety
    /// A dropped future closes the connection, which rolls back.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// if tx.query("DELETE FROM sessions").execute().await? > 1000 {
    ///     tx.rollback().await?;
    /// } else {
    ///     tx.commit().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn rollback(self) -> Result<()> {
        self.observe("rollback").watch(pin!(self.end_by_rollback())).await
    }

    async fn end_by_rollback(mut self) -> Result<()> {
        let mut step = self.step().map_err(|e| e.during("rollback"))?;
        let ended = driver::simple(step.session(), "ROLLBACK").await;
        step.settle(ended).map_err(|e| e.during("rollback"))?;
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        self.guard.set_in_transaction(false);
    }
}

/// Finds out what became of a transaction whose COMMIT was not answered; `Ok` says that it took effect.
pub(crate) async fn resolve(db: &Db, unanswered: Unanswered, read_only: bool) -> Result<()> {
    let undone = |message: &'static str, cause: Unanswered| {
        Err(Error::new(ErrorKind::Transaction, message).caused_by(cause).of_fault(FaultClass::RolledBack))
    };
    if unanswered.is_unsent() {
        return undone("COMMIT could not be sent, so nothing took effect: the connection had been closed", unanswered);
    }
    if read_only {
        return undone(
            "COMMIT was not answered; the transaction was read only, so nothing of it was to take effect",
            unanswered,
        );
    }
    let Some(id) = unanswered.id() else {
        let message = "COMMIT was not answered, so whether it took effect is unknown; it is found out by itself where \
                       Tx::id was asked for before";
        return Err(Error::new(ErrorKind::Transaction, message).caused_by(unanswered));
    };
    match settled(db, id).await {
        Some(TxOutcome::Committed) => Ok(()),
        Some(TxOutcome::Aborted) => {
            undone("COMMIT was not answered, and the server says that nothing took effect", unanswered)
        }
        _ => {
            let message = "COMMIT was not answered, and the server did not say either whether it took effect; ask \
                           Db::outcome later";
            Err(Error::new(ErrorKind::Transaction, message).caused_by(unanswered).of_fault(FaultClass::Indeterminate))
        }
    }
}

/// Asks until the answer is final.
async fn settled(db: &Db, id: TxId) -> Option<TxOutcome> {
    let limit = db.acquire_timeout();
    let asked = async {
        let mut wait = FIRST_WAIT;
        loop {
            match db.outcome(id).await {
                // Its session is being ended, or the server cannot be reached: both may pass.
                Ok(TxOutcome::InProgress) | Err(_) => {}
                Ok(outcome) => return outcome,
            }
            sleep(wait).await;
            wait = (wait * 2).min(GREATEST_WAIT);
        }
    };
    tokio::time::timeout(limit, asked).await.ok()
}
