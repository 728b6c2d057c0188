//! One COPY of a batch: begun, fed from the source or from what is kept of it, and ended.

use futures_core::Stream;

use crate::copy::feed::{Feed, Unfed};
use crate::copy::frame::{HEADER, TRAILER};
use crate::copy::load::CHUNK;
use crate::error::{Error, Result};
use crate::pool::{Session, driver};
use crate::table::WriteRow;

use super::answer::Sent;
use super::columns::Columns;
use super::intake::{Batch, Filled, Intake};
use super::source::SourceError;

/// The statement of a COPY, and the process of the server's that it runs in.
#[derive(Clone, Copy)]
pub(super) struct CopyInto<'a> {
    pub(super) sql: &'a str,
    pub(super) backend: i32,
}

/// Sends a batch while it is filled; the buffer holds its beginning, and `filled` says how far it is.
#[allow(clippy::too_many_arguments, reason = "it is the inside of Run::fill, without its borrow of the connection")]
pub(super) async fn send_source<R, S>(
    session: &mut Session,
    into: CopyInto<'_>,
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
    let mut feed = match Feed::open(session, into.sql, into.backend).await {
        Ok(feed) => feed,
        Err(unfed) => return Sent::Ended(Err(unfed)),
    };
    loop {
        if *filled != Filled::Chunk {
            buffer.extend_from_slice(&TRAILER);
        }
        *bytes += buffer.len() as u64;
        feed = match feed.send(buffer).await {
            Ok(feed) => feed,
            Err(unfed) => return Sent::Ended(Err(unfed)),
        };
        if *filled != Filled::Chunk {
            return Sent::Ended(feed.end().await.map_err(Unfed::Driver));
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
    into: CopyInto<'_>,
    rows: impl Iterator<Item = &'r (u64, R)>,
    encode: impl Fn(u64, &R, &mut Vec<u8>) -> Result<(), Error>,
    buffer: &mut Vec<u8>,
    bytes: &mut u64,
) -> Sent {
    let mut feed = match Feed::open(session, into.sql, into.backend).await {
        Ok(feed) => feed,
        Err(unfed) => return Sent::Ended(Err(unfed)),
    };
    buffer.clear();
    buffer.extend_from_slice(HEADER);
    for (line, (index, row)) in rows.enumerate() {
        if let Err(error) = encode(*index, row, buffer) {
            return match feed.end().await {
                Err(lost) if !driver::at_rest(&lost) => Sent::Ended(Err(Unfed::Driver(lost))),
                _ => Sent::Unsendable { line, error },
            };
        }
        if buffer.len() >= CHUNK {
            *bytes += buffer.len() as u64;
            feed = match feed.send(buffer).await {
                Ok(feed) => feed,
                Err(unfed) => return Sent::Ended(Err(unfed)),
            };
        }
    }
    buffer.extend_from_slice(&TRAILER);
    *bytes += buffer.len() as u64;
    match feed.send(buffer).await {
        Ok(feed) => Sent::Ended(feed.end().await.map_err(Unfed::Driver)),
        Err(unfed) => Sent::Ended(Err(unfed)),
    }
}
