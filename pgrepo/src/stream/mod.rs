//! Rows one at a time, and some at a time.

mod chunks;

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use sqlx::postgres::PgRow;

use crate::error::{Error, Result};
use crate::observe::{self, Operation};
use crate::query::Plan;
use crate::table::{FromRow, OwnedRow};

pub use chunks::Chunks;

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
    /// What is told of it, for as long as it lives.
    told: Operation,
    of: PhantomData<fn() -> T>,
}

impl<'s, T: FromRow> RowStream<'s, T> {
    pub(crate) fn new(rows: Rows<'s>, plan: Plan, operation: &'static str, told: Operation) -> Self {
        Self { rows, plan, current: None, index: 0, operation, told, of: PhantomData }
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
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut users = db.query("SELECT id, name FROM users").stream::<(i64, &str)>().await?;
    /// while let Some((id, name)) = users.next().await? {
    ///     println!("{id}: {name}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Result<Option<T::Row<'_>>> {
        let Some(row) = poll_fn(|cx| self.poll_row(cx)).await else { return Ok(None) };
        let Self { plan, current, operation, told, .. } = self;
        let read = row.and_then(|(row, index)| plan.read::<T>(current.insert(row), index));
        read.map(Some).map_err(|e| failed(told, e.during(operation)))
    }

    /// Polls for the next row, and counts it.
    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(PgRow, u64)>>> {
        let polled = {
            let _within = self.told.enter();
            self.rows.as_mut().poll_next(cx)
        };
        let Some(row) = ready!(polled) else {
            self.ended();
            return Poll::Ready(None);
        };
        Poll::Ready(Some(row.and_then(|row| {
            let index = self.arrived(&row)?;
            Ok((row, index))
        })))
    }

    fn ended(&mut self) {
        if let Some(_within) = self.told.enter() {
            observe::rows(self.index, self.index);
        }
        self.told.end(None);
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
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut longest = 0;
    /// let users = db.query("SELECT name FROM users").stream::<&str>().await?;
    /// let rows = users
    ///     .for_each(|name| {
    ///         longest = longest.max(name.len());
    ///         Ok(())
    ///     })
    ///     .await?;
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

    /// Makes of each row a value that owns its data, for rows that borrow: a [`Stream`] of what `make` returns.
    ///
    /// It stands before the method of the same name that other crates give streams; there, of rows that own their data,
    /// write `StreamExt::map(rows, …)`.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use futures_util::TryStreamExt;
    /// let rows = db.query("SELECT name, motto FROM users").stream::<(&str, &str)>().await?;
    /// let lengths: Vec<usize> = rows.map(|(name, motto)| name.len() + motto.len()).try_collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn map<U, F>(mut self, mut make: F) -> impl Stream<Item = Result<U>> + Send + Unpin + use<'s, T, U, F>
    where
        F: for<'r> FnMut(T::Row<'r>) -> U + Send,
    {
        futures_util::stream::poll_fn(move |cx| self.poll_with(cx, &mut make))
    }

    /// Polls for the next row, and makes a value of it.
    fn poll_with<U>(
        &mut self,
        cx: &mut Context<'_>,
        make: &mut impl for<'r> FnMut(T::Row<'r>) -> U,
    ) -> Poll<Option<Result<U>>> {
        let Some(row) = ready!(self.poll_row(cx)) else { return Poll::Ready(None) };
        let made = row.and_then(|(row, index)| self.plan.read::<T>(&row, index).map(make));
        Poll::Ready(Some(made.map_err(|e| failed(&mut self.told, e.during(self.operation)))))
    }

    /// The rows in pieces of `size`, of which the last one may be shorter: see [`Chunks`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use std::num::NonZeroUsize;
    /// const SIZE: NonZeroUsize = NonZeroUsize::new(1000).unwrap();
    /// let mut chunks = db.query("SELECT id FROM users").stream::<i64>().await?.chunks(SIZE);
    /// while let Some(ids) = chunks.next_chunk().await? {
    ///     println!("{} users", ids.len());
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
}

/// An error that a stream hands out: the first is what it is told to have ended with, also where it goes on.
#[cold]
fn failed(told: &mut Operation, error: Error) -> Error {
    told.end(Some(&error));
    error
}

impl<T: OwnedRow> Stream for RowStream<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_with(cx, &mut |row| row)
    }
}

impl<T> fmt::Debug for RowStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").field("rows", &self.index).finish_non_exhaustive()
    }
}
