//! One COPY of a batch: begun, fed from the source or from what is kept of it, and ended.

use std::time::Duration;

use futures_core::Stream;
use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;

use crate::copy::frame::{HEADER, TRAILER};
use crate::copy::load::{CHUNK, PIECE};
use crate::error::{Error, Result};
use crate::pool::{Session, driver};
use crate::table::WriteRow;

use super::answer::Sent;
use super::columns::Columns;
use super::intake::{Batch, Filled, Intake};
use super::source::SourceError;

/// A COPY that waits for data. Dropped before its end it leaves the driver out of step: the session must not be used then.
pub(super) struct Feed<'c> {
    copy: PgCopyIn<&'c mut PgConnection>,
    limit: Option<Duration>,
}

impl<'c> Feed<'c> {
    pub(super) async fn open(session: &'c mut Session, sql: &str) -> Result<Self, sqlx::Error> {
        let limit = session.answer_limit;
        let copy = driver::answered(limit, session.conn.copy_in_raw(sql)).await?;
        Ok(Self { copy, limit })
    }

    /// Sends what is in the buffer, and empties it.
    pub(super) async fn send(&mut self, buffer: &mut Vec<u8>) -> Result<(), sqlx::Error> {
        for piece in buffer.chunks(PIECE) {
            driver::answered(self.limit, self.copy.send(piece)).await?;
        }
        buffer.clear();
        buffer.shrink_to(PIECE);
        Ok(())
    }

    /// Ends it, and returns how many rows the server counted; it is ended too where the server has refused.
    pub(super) async fn end(self) -> Result<u64, sqlx::Error> {
        driver::answered(self.limit, self.copy.finish()).await
    }
}

/// Sends a batch while it is filled; the buffer holds its beginning, and `filled` says how far it is.
#[allow(clippy::too_many_arguments, reason = "it is the inside of Run::fill, without its borrow of the connection")]
pub(super) async fn send_source<R, S>(
    session: &mut Session,
    sql: &str,
    intake: &mut Intake<'_, R, S>,
    batch: &mut Batch<R>,
    columns: &Columns,
    buffer: &mut Vec<u8>,
    bytes: &mut u64,
    filled: &mut Filled,
) -> Sent
where
    R: WriteRow,
    S: Stream<Item = Result<R, SourceError>>,
{
    let mut feed = match Feed::open(session, sql).await {
        Ok(feed) => feed,
        Err(error) => return Sent::Ended(Err(error)),
    };
    loop {
        if *filled != Filled::Chunk {
            buffer.extend_from_slice(&TRAILER);
        }
        *bytes += buffer.len() as u64;
        if let Err(error) = feed.send(buffer).await {
            return Sent::Ended(Err(error));
        }
        if *filled != Filled::Chunk {
            return Sent::Ended(feed.end().await);
        }
        match intake.fill(batch, columns, buffer).await {
            Ok(now) => *filled = now,
            Err(error) => return Sent::Cut { error, ended: feed.end().await },
        }
    }
}

/// Sends rows that are kept.
pub(super) async fn send_again<'r, R: 'r>(
    session: &mut Session,
    sql: &str,
    rows: impl Iterator<Item = &'r R>,
    encode: impl Fn(&R, &mut Vec<u8>) -> Result<(), Error>,
    buffer: &mut Vec<u8>,
    bytes: &mut u64,
) -> Sent {
    let mut feed = match Feed::open(session, sql).await {
        Ok(feed) => feed,
        Err(error) => return Sent::Ended(Err(error)),
    };
    buffer.clear();
    buffer.extend_from_slice(HEADER);
    for (line, row) in rows.enumerate() {
        if let Err(error) = encode(row, buffer) {
            return match feed.end().await {
                Err(lost) if !driver::at_rest(&lost) => Sent::Ended(Err(lost)),
                _ => Sent::Unsendable { line, error },
            };
        }
        if buffer.len() >= CHUNK {
            *bytes += buffer.len() as u64;
            if let Err(error) = feed.send(buffer).await {
                return Sent::Ended(Err(error));
            }
        }
    }
    buffer.extend_from_slice(&TRAILER);
    *bytes += buffer.len() as u64;
    match feed.send(buffer).await {
        Ok(()) => Sent::Ended(feed.end().await),
        Err(error) => Sent::Ended(Err(error)),
    }
}
