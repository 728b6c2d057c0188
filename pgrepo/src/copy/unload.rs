use std::borrow::Cow;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::{self, Copied, Direction, Operation};
use crate::pool::{Handle, Lease, Watch, driver};
use crate::query::{Reads, unreadable};
use crate::stream::Chunks;
use crate::table::{CopyOut, Description, OwnedRow, PgTable, Place, sql};
use crate::value::TypeInfo;

use super::bounds::Bounds;
use super::catalog::{Lock, Target};
use super::frame::{self, TupleReader};
use super::select::Selection;

/// The COPY data as it arrives; several pieces at a time, since to hand over each by itself costs more than to read it.
pub(super) type Pieces<'s> = Pin<Box<dyn Stream<Item = Result<Vec<Bytes>>> + Send + 's>>;

/// So many bytes are gathered at most, of those that are there without waiting.
const GATHERED: usize = 32 * 1024;

/// The rows of a table or of a query, read by binary COPY one at a time as they arrive.
///
/// [`next`](Self::next) lends each row, so that its fields may borrow from its bytes; for rows that own their data it
/// is also a [`Stream`]. Dropped before its end it closes its connection; in a transaction it leaves that unusable.
#[must_use = "a stream does nothing unless it is read"]
pub struct CopyOutStream<'s, T> {
    pieces: Pieces<'s>,
    ready: std::vec::IntoIter<Bytes>,
    reader: TupleReader,
    types: Vec<TypeInfo>,
    index: u64,
    over: bool,
    /// The table, where it is one's rows.
    place: Option<Place>,
    bytes: u64,
    /// What is told of it, for as long as it lives.
    told: Operation,
    of: PhantomData<fn() -> T>,
}

pub(crate) const OPERATION: &str = "copy_out";

/// A COPY that the server has begun to answer.
pub(super) struct Begun<'s> {
    pub(super) pieces: Pieces<'s>,
    /// Its first pieces, which `pieces` go on behind.
    pub(super) first: Vec<Bytes>,
    /// The types of the columns.
    pub(super) types: Vec<TypeInfo>,
}

impl<'s, T: PgTable + CopyOut> CopyOutStream<'s, T> {
    /// Begins to read a table; as long as nothing has arrived it is begun again where that may help.
    pub(crate) async fn open<H: Handle + 's>(on: H) -> Result<Self> {
        let place = Place::of::<T>(on.schema());
        let fail = |e: Error| place.blame(e.during(OPERATION));
        let (mut reads, mut failed) = (Reads::on(on), None);
        loop {
            let lease = reads.lease(failed).await.map_err(fail)?;
            match begin::<T>(lease, &place).await {
                Ok(begun) => {
                    observe::attempts(reads.attempts());
                    return Ok(Self::new(begun, Some(place)));
                }
                Err(error) => failed = Some(fail(error)),
            }
        }
    }
}

impl<'s, T: CopyOut> CopyOutStream<'s, T> {
    /// The same, told of as this operation.
    pub(crate) fn observed((stream, told): (Self, Operation)) -> Self {
        Self { told, ..stream }
    }

    /// Begins to read what a statement gives: as [`open`](Self::open).
    pub(crate) async fn select<H: Handle + 's>(on: H, selection: Selection<'_>) -> Result<Self> {
        let begun = selection.open(on, Some(T::FIELDS), "FORMAT binary").await?;
        Ok(Self::new(begun, selection.place))
    }

    fn new(begun: Begun<'s>, place: Option<Place>) -> Self {
        Self {
            pieces: begun.pieces,
            ready: begun.first.into_iter(),
            reader: TupleReader::default(),
            types: begun.types,
            index: 0,
            over: false,
            place,
            bytes: 0,
            told: Operation::none(),
            of: PhantomData,
        }
    }

    /// Reads the next row; `None` at the end.
    ///
    /// # Errors
    /// The server failed, or a value of the row does not fit its field; after the latter the next row can be read.
    ///
    /// # Cancel safety
    /// No row is lost when the future is dropped.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut users = db.repository::<User>().copy_out().await?;
    /// while let Some(user) = users.next().await? {
    ///     println!("{}: {}", user.id, user.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Result<Option<T::Row<'_>>> {
        match poll_fn(|cx| self.poll_tuple(cx)).await? {
            Some(found) => self.read(found).map(Some),
            None => Ok(None),
        }
    }

    /// Hands each remaining row to `take`, and returns how many there were.
    ///
    /// # Errors
    /// As [`next`](Self::next), and the first error that `take` returns.
    ///
    /// # Cancel safety
    /// A dropped future closes the connection.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User<'r> { id: i64, name: &'r str }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut longest = 0;
    /// let users = db.repository::<User<'_>>().copy_out().await?;
    /// let count = users
    ///     .for_each(|user| {
    ///         longest = longest.max(user.name.len());
    ///         Ok(())
    ///     })
    ///     .await?;
    /// println!("{count} users");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn for_each<F>(mut self, mut take: F) -> Result<u64>
    where
        F: for<'r> FnMut(T::Row<'r>) -> Result<()>,
    {
        let mut count = 0;
        while let Some(row) = self.next().await? {
            take(row)?;
            count += 1;
        }
        Ok(count)
    }

    /// The rows in pieces of `size`, of which the last one may be shorter: see [`Chunks`].
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use std::num::NonZeroUsize;
    /// const SIZE: NonZeroUsize = NonZeroUsize::new(1000).unwrap();
    /// let mut chunks = db.repository::<User>().copy_out().await?.chunks(SIZE);
    /// while let Some(users) = chunks.next_chunk().await? {
    ///     println!("{} users", users.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn chunks(self, size: NonZeroUsize) -> Chunks<Self, T>
    where
        T: OwnedRow,
    {
        Chunks::new(self, size)
    }

    /// Where the next tuple stands in the reader.
    fn poll_tuple(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Range<usize>>>> {
        let ended = loop {
            match self.reader.find(self.types.len()) {
                Ok(Some(found)) => return Poll::Ready(Ok(Some(found))),
                Ok(None) => {}
                Err(error) => {
                    // The connection, in whatever state it is, goes with the stream.
                    self.pieces = Box::pin(futures_util::stream::empty());
                    self.ready = Vec::new().into_iter();
                    break Err(malformed(error));
                }
            }
            if let Some(piece) = self.ready.next() {
                self.bytes += piece.len() as u64;
                self.reader.feed(piece);
                continue;
            }
            let polled = {
                let _within = self.told.enter();
                self.pieces.as_mut().poll_next(cx)
            };
            match ready!(polled) {
                Some(Ok(pieces)) => self.ready = pieces.into_iter(),
                Some(Err(error)) => break Err(error),
                None if self.reader.ended() => break Ok(None),
                None => break Err(Error::new(ErrorKind::Copy, "the data ended before its trailer")),
            }
        };
        // An error is told once.
        let told = std::mem::replace(&mut self.over, true);
        if told {
            return Poll::Ready(Ok(None));
        }
        let ended = ended.map_err(|e| blame(self.place.as_ref(), e));
        if let Err(error) = &ended {
            self.told.end(Some(error));
        } else {
            self.copied();
        }
        Poll::Ready(ended)
    }

    fn read(&mut self, found: Range<usize>) -> Result<T::Row<'_>> {
        let index = self.index;
        self.index += 1;
        let Self { reader, types, place, told, .. } = self;
        frame::decode_row::<T>(reader.tuple(found), types).map_err(|e| {
            let error = blame(place.as_ref(), unreadable(T::FIELDS, types.get(e.index), e, index));
            // The first error is what it is told to have ended with, also where it goes on.
            told.end(Some(&error));
            error
        })
    }

    /// All rows have come.
    #[cold]
    fn copied(&mut self) {
        let table = self.place.as_ref().map(Place::declared);
        let (rows, bytes) = (self.index, self.bytes);
        self.told.copied(&Copied { operation: OPERATION, table, direction: Direction::Out, rows, bytes });
        self.told.end(None);
    }
}

/// An error of this operation, on the table if there is one.
pub(super) fn blame(place: Option<&Place>, error: Error) -> Error {
    let error = error.during(OPERATION);
    match place {
        Some(place) => place.blame(error),
        None => error,
    }
}

/// Checks the table, and begins the COPY.
async fn begin<'s, T: PgTable>(mut lease: Lease<'s>, place: &Place) -> Result<Begun<'s>> {
    let bounds = Bounds::of(&lease);
    let target = Target::new(place.name());
    match describe::<T>(&mut lease, &target, &bounds).await {
        Ok(types) => {
            let statement = place.statement::<T>(T::COPY_OUT, sql::copy_out);
            let shown = statement.clone();
            begun(lease, bounds, statement, shown, types).await
        }
        Err(error) => {
            let error = if error.kind() == ErrorKind::Query { error.of_kind(ErrorKind::Copy) } else { error };
            Err(refused(&mut lease, &bounds, error).await)
        }
    }
}

/// Undoes what was opened for a COPY that does not begin.
pub(super) async fn refused(lease: &mut Lease<'_>, bounds: &Bounds, error: Error) -> Error {
    // What cannot be undone is undone by the server, when the connection closes with the lease.
    if lease.at_rest() {
        let _closed = bounds.run(lease, bounds.undo).await;
    }
    error
}

/// Begins the COPY, and waits for its first pieces. `shown` is the statement without values, for whoever is told of it.
pub(super) async fn begun<'s>(
    mut lease: Lease<'s>,
    bounds: Bounds,
    statement: Cow<'static, str>,
    shown: Cow<'static, str>,
    types: Vec<TypeInfo>,
) -> Result<Begun<'s>> {
    let mut pieces: Pieces<'s> = Box::pin(async_stream::try_stream! {
        // A refused COPY TO leaves the driver's stream out of step: only one that ended is at rest.
        let mut step = lease.step()?.untimed();
        let limit = step.session().answer_limit;
        observe::text(&step.session().about, &shown);
        let _watch = Watch::begin(&*step.session(), OPERATION, || (&*shown).into());
        let failed = match driver::answered(limit, step.session().conn.copy_out_raw(&statement)).await {
            Ok(mut data) => loop {
                match driver::answered(limit, async { Ok(gather(&mut data).await) }).await {
                    Ok((pieces, end)) => {
                        if !pieces.is_empty() {
                            yield pieces;
                        }
                        if let Some(end) = end {
                            break end.err();
                        }
                    }
                    Err(error) => break Some(error),
                }
            },
            Err(error) => Some(error),
        };
        match failed {
            // The server has ended the COPY: the session is at rest, whatever the data was.
            None => step.done(),
            Some(error) => Err(step.out_of_step(error))?,
        }
        bounds.run(&mut lease, &bounds.close).await?;
    });
    let first = pieces.next().await.transpose()?.unwrap_or_default();
    Ok(Begun { pieces, first, types })
}

/// Waits for a piece, and takes those that are there behind it; and how the data ended, if it did.
async fn gather(data: &mut BoxStream<'_, Result<Bytes, sqlx::Error>>) -> (Vec<Bytes>, Option<Result<(), sqlx::Error>>) {
    let (mut pieces, mut length) = (Vec::new(), 0);
    let end = poll_fn(|cx| {
        while length < GATHERED {
            match data.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    length += piece.len();
                    pieces.push(piece);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(Some(Ok(()))),
                Poll::Pending if pieces.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(None)
    })
    .await;
    (pieces, end)
}

impl<T: CopyOut + OwnedRow> Stream for CopyOutStream<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let found = ready!(self.poll_tuple(cx));
        Poll::Ready(found.and_then(|found| found.map(|found| self.read(found)).transpose()).transpose())
    }
}

fn malformed(error: crate::ValueError) -> Error {
    Error::new(ErrorKind::Copy, "the server's data is no binary COPY").caused_by(error)
}

/// Begins, locks the table against changes of its columns, and checks them.
async fn describe<T: PgTable>(lease: &mut Lease<'_>, target: &Target, bounds: &Bounds) -> Result<Vec<TypeInfo>> {
    lease.set_own_transaction(true);
    let mut step = lease.step()?;
    let types = |table: &Description| {
        T::COLUMNS.iter().map(|meta| table.fit(meta).map(|column| column.ty.clone())).collect::<Result<_>>()
    };
    let looked = target.look(step.session(), bounds, Lock::Read, &types).await;
    step.settle(looked)?.map(|looked| looked.checked)
}

#[cfg(test)]
mod tests;
