//! A COPY into a table: begun, fed piece by piece and ended; of every load alike.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Session, Step, driver};

use super::failed::Failed;
use super::lookout::Lookout;

/// The most that the driver is given at a time: it keeps a buffer of the size of the largest piece.
const PIECE: usize = 64 * 1024;

/// A COPY that waits for data. Dropped before its end it leaves the driver out of step: the session must not be used then.
pub(super) struct Feed<'c> {
    copy: PgCopyIn<&'c mut PgConnection>,
    limit: Option<Duration>,
    lookout: Lookout,
}

/// Why a COPY takes no more.
pub(super) enum Unfed {
    /// The driver's error: the server has refused, or cannot be reached.
    Driver(sqlx::Error),
    /// What was seen beside it.
    Seen(Failed),
}

impl<'c> Feed<'c> {
    /// Begins it. `backend` is the process that the load runs in.
    pub(super) async fn open(session: &'c mut Session, sql: &str, backend: i32) -> Result<Self, Unfed> {
        let lookout = Lookout::new(session, backend);
        let limit = session.answer_limit;
        let copy = driver::answered(limit, session.conn.copy_in_raw(sql)).await?;
        Ok(Self { copy, limit, lookout })
    }

    /// Sends what is in the buffer, and empties it; where the server has failed the COPY already it is ended.
    pub(super) async fn send(mut self, buffer: &mut Vec<u8>) -> Result<Self, Unfed> {
        for piece in buffer.chunks(PIECE) {
            match self.lookout.sends(driver::answered(self.limit, self.copy.send(piece))).await {
                Some(sent) => sent?,
                None => return Err(Unfed::Seen(unread())),
            };
            if self.lookout.has_failed(piece.len()).await {
                // The server's error waits to be read; the driver reads it when it has sent the end.
                self.end().await?;
                let message = "the load was seen to have failed, and its end does not say why; nothing of it is stored";
                return Err(Unfed::Seen(Failed::ours(Error::new(ErrorKind::Copy, message))));
            }
        }
        buffer.clear();
        buffer.shrink_to(PIECE);
        Ok(self)
    }

    /// Ends it, and returns how many rows the server counted; it is ended too where the server has refused.
    ///
    /// A COPY that is to store nothing is ended and then undone, rather than aborted: after the server has refused a row
    /// already, the driver's abort leaves its stream out of step, and its end does not.
    pub(super) async fn end(self) -> Result<u64, sqlx::Error> {
        driver::answered(self.limit, self.copy.finish()).await
    }
}

impl Unfed {
    /// Ends the step that it came amid.
    pub(super) fn told(self, step: Step<'_>) -> Error {
        match self {
            Self::Driver(error) => step.failed(error),
            Self::Seen(failed) => failed.told(step).error,
        }
    }
}

impl From<sqlx::Error> for Unfed {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

/// The server reads no more before it is read from, which only the end would do.
#[cold]
fn unread() -> Failed {
    let message = "the server reads no more rows before its messages are read, which are not before the last row is sent, so \
                   nothing is stored: a trigger says too much by RAISE INFO, which cannot be silenced";
    Failed { error: Error::new(ErrorKind::Copy, message), at_rest: false }
}

/// Ends a step in which a COPY was a part.
pub(super) fn settle<T>(step: Step<'_>, outcome: Result<T, Unfed>) -> Result<T> {
    match outcome {
        Ok(value) => {
            step.done();
            Ok(value)
        }
        Err(unfed) => Err(unfed.told(step)),
    }
}
