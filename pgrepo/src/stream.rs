//! Rows one at a time.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::StreamExt;
use sqlx::postgres::PgRow;

use crate::error::Result;
use crate::query::Plan;
use crate::table::{FromRow, OwnedRow};

type Rows<'s> = Pin<Box<dyn Stream<Item = Result<PgRow>> + Send + 's>>;

/// The rows of a result, read one at a time as they arrive; memory stays flat, and a slow reader slows the server.
///
/// [`next`](Self::next) lends each row, so that its fields may borrow from the row's buffer; for rows that own their
/// data it is also a [`Stream`]. Dropped before its end it closes its connection, and the pool is unharmed.
#[must_use = "a stream does nothing unless it is read"]
pub struct RowStream<'s, T> {
    rows: Rows<'s>,
    plan: Plan,
    current: Option<PgRow>,
    index: u64,
    operation: &'static str,
    of: PhantomData<fn() -> T>,
}

impl<'s, T: FromRow> RowStream<'s, T> {
    pub(crate) fn new(rows: Rows<'s>, plan: Plan, operation: &'static str) -> Self {
        Self { rows, plan, current: None, index: 0, operation, of: PhantomData }
    }

    /// Reads the next row; `None` at the end.
    ///
    /// # Errors
    /// The server failed, or a value of the row does not fit its field; after the latter the next row can be read.
    ///
    /// # Cancel safety
    /// No row is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<T::Row<'_>>> {
        let Some(row) = self.rows.next().await else { return Ok(None) };
        let row = row.map_err(|e| e.during(self.operation))?;
        let index = self.arrived(&row).map_err(|e| e.during(self.operation))?;
        let row = self.current.insert(row);
        self.plan.read::<T>(row, index).map(Some).map_err(|e| e.during(self.operation))
    }

    /// Counts a row that has arrived, and returns its index; the first one shows whether the plan still holds.
    fn arrived(&mut self, row: &PgRow) -> Result<u64> {
        let index = self.index;
        self.index += 1;
        if index == 0
            && let Err(error) = self.plan.refreshed(row)
        {
            // The plan is that of other columns, by which no further row may be read.
            self.rows = Box::pin(futures_util::stream::empty());
            return Err(error);
        }
        Ok(index)
    }

    /// Hands each remaining row to `take`, and returns how many there were.
    ///
    /// # Errors
    /// As [`next`](Self::next), and the first error that `take` returns.
    ///
    /// # Cancel safety
    /// A dropped future closes the stream's connection.
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

impl<T: OwnedRow> Stream for RowStream<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(row) = ready!(this.rows.as_mut().poll_next(cx)) else { return Poll::Ready(None) };
        let read = row.and_then(|row| {
            let index = this.arrived(&row)?;
            this.plan.read::<T>(&row, index)
        });
        Poll::Ready(Some(read.map_err(|e| e.during(this.operation))))
    }
}

impl<T> fmt::Debug for RowStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").field("rows", &self.index).finish_non_exhaustive()
    }
}
