//! The connections that something runs on which may be run again.

use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::pool::{Db, Handle, Lease, Lender, Values};
use crate::retry::Attempts;
use crate::table::Fields;

use super::run::{Run, counted, open_on};

/// Lends a connection for an attempt, and another one after each that failed, for what may be run again.
pub(crate) struct Reads<'s>(From<'s>);

enum From<'s> {
    Pool(&'s Db, Attempts<'s>),
    /// A transaction is run again as a whole or not at all.
    Once(Option<Lender<'s>>),
}

impl<'s> Reads<'s> {
    pub(crate) fn on(handle: impl Handle + 's) -> Self {
        Self(match handle.lend() {
            Lender::Db(db) => From::Pool(db, db.retry().attempts()),
            other => From::Once(Some(other)),
        })
    }

    /// How often it was tried so far.
    pub(crate) fn attempts(&self) -> u32 {
        match &self.0 {
            From::Pool(_, attempts) => attempts.made(),
            From::Once(_) => 1,
        }
    }

    /// The connection for the first attempt, or for the one after `failed`, whose connection must have been given back;
    /// the error, if there are to be no more.
    pub(crate) async fn lease(&mut self, failed: Option<Error>) -> Result<Lease<'s>> {
        let (db, attempts) = match (&mut self.0, failed) {
            (From::Pool(db, attempts), None) => (db, attempts),
            (From::Pool(db, attempts), Some(error)) => {
                sleep(attempts.after(error, true)?).await;
                (db, attempts)
            }
            (From::Once(lender), None) => return lender.take().ok_or_else(given_back)?.lease().await,
            (From::Once(_), Some(error)) => return Err(error),
        };
        loop {
            match db.guard_once().await {
                Ok(guard) => return Ok(Lease::Pooled(guard)),
                Err(error) => sleep(attempts.after(error, true)?).await,
            }
        }
    }
}

fn given_back() -> Error {
    Error::new(crate::ErrorKind::Transaction, "the transaction was lent for one attempt, and that is over")
}

/// As [`open`](super::open), for what only reads, or is the same when done twice: it is run again where that may help.
pub(crate) async fn open_again<'s, H: Handle + 's>(
    on: H,
    operation: &'static str,
    sql: &str,
    params: &dyn Values,
    fields: Option<Fields>,
) -> Result<Run<'s>> {
    counted(params, operation)?;
    let mut reads = Reads::on(on);
    let mut failed = None;
    loop {
        let lease = reads.lease(failed).await.map_err(|e| e.during(operation))?;
        match open_on(lease, operation, sql, params, fields).await {
            Ok(mut run) => {
                run.reads = Some(reads);
                return Ok(run);
            }
            Err(error) => failed = Some(error),
        }
    }
}

impl Run<'_> {
    /// Makes it ready for another attempt after one that failed, on another connection; returns the error if there is
    /// to be none.
    pub(super) async fn again(&mut self, error: Error) -> Result<()> {
        let Some(mut reads) = self.reads.take() else { return Err(error) };
        let mut failed = error;
        loop {
            self.lease = Lease::Over;
            self.lease = reads.lease(Some(failed)).await.map_err(|e| e.during(self.operation))?;
            match self.reopen().await {
                Ok(()) => break,
                Err(error) => failed = error,
            }
        }
        self.reads = Some(reads);
        Ok(())
    }
}
