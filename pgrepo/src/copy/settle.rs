//! What became of a load whose COMMIT was not answered.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::error::{Error, ErrorKind, FaultClass, Result};
use crate::pool::Db;
use crate::tx::{TxId, TxOutcome};

use super::load::{CopyReport, Loaded};

/// The pause after the first answer that settles nothing; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Asks what became of a load, and says so: its report, or an error that tells whether it is stored.
pub(super) async fn settle(db: Option<&Db>, loaded: Loaded, cause: Error) -> Result<CopyReport> {
    let Some(db) = db else {
        let message = "the connection broke, and with it the transaction: nothing of it is stored";
        return Err(Error::new(ErrorKind::Connection, message).undone().caused_by(cause));
    };
    let unknown = |message: String| Error::new(ErrorKind::Transaction, message).caused_by(cause);
    let Some(number) = loaded.number else {
        return Err(unknown("COMMIT was not answered, so whether the load was stored is unknown".to_owned()));
    };
    // In a box: it is seldom needed, and a part of every load's future.
    match Box::pin(outcome(db, number)).await {
        TxOutcome::Committed => Ok(loaded.report),
        TxOutcome::Aborted => {
            let message = "the connection broke at the end of the load, of which nothing was stored, as the server says";
            Err(unknown(message.to_owned()).of_kind(ErrorKind::Copy).undone())
        }
        TxOutcome::InProgress | TxOutcome::Unknown => {
            let message = format!(
                "COMMIT was not answered, and the server did not tell within {:?} what became of transaction {number}, so \
                 whether the load was stored is unknown; Db::outcome tells, by the id that Error::tx_id gives",
                db.patience()
            );
            Err(unknown(message).of_fault(FaultClass::Indeterminate).of_transaction(number.number()))
        }
    }
}

/// Asks until the answer is final or the time is over, on one connection after the other.
async fn outcome(db: &Db, number: TxId) -> TxOutcome {
    let until = Instant::now() + db.patience();
    let mut pause = PAUSE;
    loop {
        match timeout_at(until, db.outcome(number)).await {
            Ok(Ok(TxOutcome::InProgress)) => {}
            Ok(Ok(outcome)) => return outcome,
            // What the server itself does not know will not be known later: the number is not of its past.
            Ok(Err(error)) if error.kind() == ErrorKind::Query => return TxOutcome::Unknown,
            Ok(Err(_)) => {}
            Err(_) => return TxOutcome::Unknown,
        }
        if timeout_at(until, sleep(pause)).await.is_err() {
            return TxOutcome::Unknown;
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}
