use sqlx::PgConnection;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};
use crate::tx::Tx;

use super::call::Call;
use super::connect::Session;
use super::control::PATIENCE;
use super::driver;
use super::shared::Lent;
use super::trouble::{Passing, Trouble};

/// A connection on loan. Dropped while an operation on it has not ended, it is closed and never lent again.
pub(crate) struct Guard {
    lent: Option<Lent>,
    dirty: bool,
    condemned: bool,
    in_transaction: bool,
    trouble: Trouble,
    /// The number of the attempt that it is lent for.
    attempt: u32,
    /// What the breaker is to be told, where there is one.
    call: Option<Call>,
}

impl Guard {
    pub(super) fn new(lent: Lent, call: Option<Call>) -> Self {
        let (dirty, condemned, in_transaction) = (false, false, false);
        Self { lent: Some(lent), dirty, condemned, in_transaction, trouble: Trouble::None, attempt: 1, call }
    }

    pub(crate) fn session(&self) -> &Session {
        match &self.lent {
            Some(lent) => &lent.session,
            None => unreachable!("the connection leaves the guard in its Drop only"),
        }
    }

    pub(crate) fn session_mut(&mut self) -> &mut Session {
        match &mut self.lent {
            Some(lent) => &mut lent.session,
            None => unreachable!("the connection leaves the guard in its Drop only"),
        }
    }

    /// Whether no other connection of the pool is on loan or waited for.
    fn is_alone(&self) -> bool {
        self.lent.as_ref().is_none_or(Lent::is_alone)
    }

    /// From now on an operation is under way; [`Step::done`] says that it ended.
    pub(crate) fn step(&mut self) -> Step<'_> {
        self.dirty = true;
        let began = self.call.as_mut().map(|call| {
            call.asked();
            tokio::time::Instant::now()
        });
        Step { guard: self, began }
    }

    /// Whether an operation on it has not ended.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The connection broke: others that idle now may have broken with it.
    fn doubt_others(&self) {
        if let Some(lent) = &self.lent {
            lent.doubt_others();
        }
    }

    /// The connection is not to be lent again, whatever comes.
    pub(crate) fn condemn(&mut self) {
        self.condemned = true;
    }

    /// Whether a transaction is open, which must be rolled back before the connection is lent again.
    pub(crate) fn set_in_transaction(&mut self, open: bool) {
        self.in_transaction = open;
    }

    /// From now on its errors say that they are those of the n-th attempt.
    pub(crate) fn set_attempt(&mut self, number: u32) {
        self.attempt = number;
    }

    /// The next operation of a transaction is about to begin.
    pub(crate) fn next_operation(&mut self) {
        self.trouble.next();
    }

    /// What made a transaction fail, if that may pass.
    pub(crate) fn passing(&self) -> Option<Passing> {
        self.trouble.passing()
    }

    /// The driver's connection.
    pub(crate) fn conn(&mut self) -> &mut PgConnection {
        &mut self.session_mut().conn
    }

    /// Rolls back and gives the connection back to the pool, or closes it if that does not succeed at once.
    async fn roll_back(mut self) {
        let ended = timeout(PATIENCE, driver::simple(self.session_mut(), "ROLLBACK")).await;
        self.dirty = !matches!(ended, Ok(Ok(_)));
        self.in_transaction = false;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        let spoilt = self.dirty || self.condemned;
        if !spoilt && !self.in_transaction {
            return lent.give_back();
        }
        let runtime = lent.session.runtime.clone();
        // A runtime that has shut down drops both tasks unpolled; what they hold is then closed all the same, and never
        // lent again: the rollback's guard is dirty from the start.
        if !spoilt {
            let mut guard = Self::new(lent, None);
            guard.dirty = true;
            runtime.spawn(guard.roll_back());
            return;
        }
        // Taking it out frees the slot at once; the session's place is free when the server has ended it.
        runtime.spawn(lent.take_out().end());
    }
}

/// An operation under way.
#[must_use = "an operation that is not done leaves its connection to be closed"]
pub(crate) struct Step<'g> {
    guard: &'g mut Guard,
    /// When it began, where that is of interest.
    began: Option<tokio::time::Instant>,
}

impl Step<'_> {
    pub(crate) fn session(&mut self) -> &mut Session {
        self.guard.session_mut()
    }

    /// How long it takes is up to whoever sends or takes the rows.
    pub(crate) fn untimed(mut self) -> Self {
        self.began = None;
        self
    }

    /// The operation ended and the connection is at rest.
    pub(crate) fn done(self) {
        self.guard.trouble.succeeded();
        self.guard.dirty = false;
        if let Some(call) = &mut self.guard.call {
            call.answered(self.began.map(|began| began.elapsed()));
        }
    }

    /// The operation ended and never had to wait: lets other tasks have a turn, if there are any on the pool.
    ///
    /// The driver reads as soon as it has written, and where the server was as fast, nothing makes the task give way:
    /// neither does the next operation's, so that one task could keep its thread for a hundred of them.
    pub(crate) async fn done_at_once(self) {
        let alone = self.guard.is_alone();
        self.done();
        if !alone {
            yield_now().await;
        }
    }

    /// Ends the operation if its outcome leaves the connection at rest: it succeeded, or the server refused and the
    /// session lives on. In a transaction it is no COMMIT: what fails is undone.
    pub(crate) fn settle<T>(self, outcome: Result<T, sqlx::Error>) -> Result<T> {
        match outcome {
            Ok(value) => {
                self.done();
                Ok(value)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Ends the operation as [`settle`](Self::settle) does where it failed.
    pub(crate) fn failed(self, error: sqlx::Error) -> Error {
        let rest = if driver::at_rest(&error) { Rest::Usable } else { Rest::Broken };
        let undone = self.guard.in_transaction;
        self.tell(error, rest, undone)
    }

    /// As [`failed`](Self::failed), of a COMMIT: one that is not answered may have taken effect.
    pub(crate) fn commit_failed(self, error: sqlx::Error) -> Error {
        let rest = if driver::at_rest(&error) { Rest::Usable } else { Rest::Broken };
        self.tell(error, rest, false)
    }

    /// As [`failed`](Self::failed), of an error that was told otherwise meanwhile.
    pub(crate) fn failed_by(self, error: Error, at_rest: bool) -> Error {
        let error = error.after_attempts(self.guard.attempt);
        self.hear(&error, if at_rest { Rest::Usable } else { Rest::Broken });
        error
    }

    /// As [`failed`](Self::failed), where the driver's stream is out of step whatever the error is.
    pub(crate) fn out_of_step(self, error: sqlx::Error) -> Error {
        let rest = if driver::at_rest(&error) { Rest::OutOfStep } else { Rest::Broken };
        let undone = self.guard.in_transaction;
        self.tell(error, rest, undone)
    }

    fn tell(self, error: sqlx::Error, rest: Rest, undone: bool) -> Error {
        // Over TLS a read may send as well, and what it fails to send is no part of the operation.
        let undone = undone || (self.guard.session().plain && driver::is_unsent(&error));
        let error = driver::error(error).after_attempts(self.guard.attempt);
        let error = if undone { error.undone() } else { error };
        self.hear(&error, rest);
        error
    }

    /// Every failure of the driver's goes through here: the pool, the transaction and the breaker hear of it.
    fn hear(self, error: &Error, rest: Rest) {
        let guard = self.guard;
        match rest {
            Rest::Usable => guard.dirty = false,
            Rest::OutOfStep => {}
            Rest::Broken => guard.doubt_others(),
        }
        guard.trouble.failed(error);
        if let Some(call) = &mut guard.call {
            call.failed(error);
        }
    }
}

/// In what state a failure leaves a connection.
enum Rest {
    /// The session is at rest, and lent again.
    Usable,
    /// The session is, and the driver is not.
    OutOfStep,
    /// The session is gone, or nobody knows.
    Broken,
}

/// What an operation runs on: a connection of the pool, or that of a transaction.
#[allow(clippy::large_enum_variant, reason = "there is one for an operation, and a box would cost it an allocation")]
pub(crate) enum Lease<'t> {
    Pooled(Guard),
    Tx(&'t mut Tx),
    /// None any more: it was given back, and another one is to be taken.
    Over,
}

impl Lease<'_> {
    /// Begins an operation.
    pub(crate) fn step(&mut self) -> Result<Step<'_>> {
        match self {
            Self::Pooled(guard) => Ok(guard.step()),
            Self::Tx(tx) => tx.step(),
            Self::Over => Err(interrupted()),
        }
    }

    /// The session, unless it was given back.
    pub(crate) fn session(&self) -> Option<&Session> {
        match self {
            Self::Pooled(guard) => Some(guard.session()),
            Self::Tx(tx) => Some(tx.session()),
            Self::Over => None,
        }
    }

    pub(crate) fn in_transaction(&self) -> bool {
        matches!(self, Self::Tx(_))
    }

    /// Whether the last operation on it ended.
    pub(crate) fn at_rest(&self) -> bool {
        match self {
            Self::Pooled(guard) => !guard.is_dirty(),
            Self::Tx(tx) => tx.at_rest(),
            Self::Over => false,
        }
    }

    /// An operation opens a transaction of its own, or has ended it: one that is open is rolled back when the lease is
    /// dropped. That of a [`Tx`] is open anyway.
    pub(crate) fn set_own_transaction(&mut self, open: bool) {
        if let Self::Pooled(guard) = self {
            guard.set_in_transaction(open);
        }
    }
}

pub(crate) fn interrupted() -> Error {
    Error::new(
        ErrorKind::Transaction,
        "an operation in this transaction was dropped before it ended: nothing of it is stored, and its connection is \
         closed; begin anew",
    )
}
