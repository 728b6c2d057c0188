use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Handle, Lease, driver};
use crate::query::unreadable;
use crate::table::{CopyOut, FromRow, OwnedRow, PgTable};
use crate::value::TypeInfo;

use super::bounds::Bounds;
use super::catalog::Target;
use super::frame::{self, TupleReader};

type Tuples<'s> = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send + 's>>;

/// The rows of a table, read by binary COPY one at a time as they arrive.
///
/// [`next`](Self::next) lends each row, so that its fields may borrow from its bytes; for rows that own their data it
/// is also a [`Stream`]. Dropped before its end it closes its connection; in a transaction it leaves that unusable.
#[must_use = "a stream does nothing unless it is read"]
pub struct CopyOutStream<'s, T> {
    tuples: Tuples<'s>,
    types: Vec<TypeInfo>,
    current: Bytes,
    index: u64,
    of: PhantomData<fn() -> T>,
}

const OPERATION: &str = "copy_out";

impl<'s, T: PgTable + CopyOut> CopyOutStream<'s, T> {
    pub(crate) async fn open<H: Handle + 's>(on: H) -> Result<Self> {
        let fail = |e: Error| e.during(OPERATION).on_table(T::TABLE);
        let mut lease = on.lend().lease().await.map_err(fail)?;
        let bounds = Bounds::of(&lease);
        let target = Target::of(&T::TABLE);
        let types = match describe::<T>(&mut lease, &target, &bounds).await {
            Ok(types) => types,
            Err(error) => {
                // What cannot be undone is undone by the server, when the connection closes with the lease.
                if lease.at_rest() {
                    let _closed = bounds.run(&mut lease, bounds.undo).await;
                }
                let error = if error.kind() == ErrorKind::Query { error.of_kind(ErrorKind::Copy) } else { error };
                return Err(fail(error.naming()));
            }
        };
        let columns = types.len();
        let tuples = async_stream::try_stream! {
            let mut reader = TupleReader::default();
            // A refused COPY TO leaves the driver's stream out of step: only one that ended is at rest.
            let mut step = lease.step()?;
            {
                let mut data = step.session().conn.copy_out_raw(T::COPY_OUT).await.map_err(driver::error)?;
                while let Some(piece) = data.next().await {
                    reader.feed(&piece.map_err(driver::error)?);
                    while let Some(tuple) = reader.next(columns).map_err(malformed)? {
                        yield tuple;
                    }
                }
            }
            if !reader.ended() {
                Err(Error::new(ErrorKind::Copy, "the data ended before its trailer"))?;
            }
            step.done();
            bounds.run(&mut lease, bounds.close).await?;
        };
        Ok(Self { tuples: Box::pin(tuples), types, current: Bytes::new(), index: 0, of: PhantomData })
    }

    /// Reads the next row; `None` at the end.
    ///
    /// # Errors
    /// The server failed, or a value of the row does not fit its field; after the latter the next row can be read.
    ///
    /// # Cancel safety
    /// No row is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<T::Row<'_>>> {
        let Some(tuple) = self.tuples.next().await else { return Ok(None) };
        self.current = tuple.map_err(fail::<T>)?;
        self.index += 1;
        read::<T>(&self.current, &self.types, self.index - 1).map(Some)
    }

    /// Hands each remaining row to `take`, and returns how many there were.
    ///
    /// # Errors
    /// As [`next`](Self::next), and the first error that `take` returns.
    ///
    /// # Cancel safety
    /// A dropped future closes the connection.
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
}

impl<T: PgTable + CopyOut + OwnedRow> Stream for CopyOutStream<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(tuple) = ready!(this.tuples.as_mut().poll_next(cx)) else { return Poll::Ready(None) };
        let read = tuple.map_err(fail::<T>).and_then(|tuple| {
            this.index += 1;
            read::<T>(&tuple, &this.types, this.index - 1)
        });
        Poll::Ready(Some(read))
    }
}

fn read<'r, T: PgTable + FromRow>(tuple: &'r [u8], types: &'r [TypeInfo], index: u64) -> Result<T::Row<'r>> {
    frame::decode_row::<T>(tuple, types).map_err(|e| fail::<T>(unreadable(T::FIELDS, types.get(e.index), e, index)))
}

fn fail<T: PgTable>(error: Error) -> Error {
    error.during(OPERATION).on_table(T::TABLE)
}

fn malformed(error: crate::ValueError) -> Error {
    Error::new(ErrorKind::Copy, "the server's data is no binary COPY").caused_by(error)
}

/// Begins, locks the table against changes of its columns, and checks them.
async fn describe<T: PgTable>(lease: &mut Lease<'_>, target: &Target, bounds: &Bounds) -> Result<Vec<TypeInfo>> {
    lease.set_own_transaction(true);
    let mut step = lease.step()?;
    let described = target.look(step.session(), bounds, "ACCESS SHARE").await;
    let fitted = described.map(|described| {
        let table = described?;
        T::COLUMNS.iter().map(|meta| table.fit(meta).map(|column| column.ty.clone())).collect::<Result<_>>()
    });
    if let Ok(Err(_)) = fitted {
        // Perhaps a type was altered since this session asked for it.
        step.session().types.clear();
    }
    step.settle(fitted)?
}
