//! The everyday methods of a table: a few lines each over queries and COPY.

use std::fmt;
use std::marker::PhantomData;

use futures_core::Stream;
use futures_util::StreamExt;

use crate::copy::{CopyIn, CopyInOptions, CopyOutStream, CopyReport};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::Handle;
use crate::query::{Assignment, Filter, Find, Where, assignments, open};
use crate::table::{CopyOut, KeyArg, OwnedRow, PgTable, PrimaryKey, WriteRow, sql};

/// The rows of the table that `T` stands for, on a database or in a transaction.
///
/// On `&Db` it can be copied and kept; in a transaction ask for it anew each time: `tx.repository::<T>()`.
pub struct Repository<H, T: ?Sized> {
    on: H,
    of: PhantomData<fn() -> *const T>,
}

impl<H: Clone, T: ?Sized> Clone for Repository<H, T> {
    fn clone(&self) -> Self {
        Self { on: self.on.clone(), of: PhantomData }
    }
}

impl<H: Copy, T: ?Sized> Copy for Repository<H, T> {}

impl<H, T: PgTable + ?Sized> fmt::Debug for Repository<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", T::TABLE)
    }
}

impl<H: Handle, T: PgTable> Repository<H, T> {
    /// The rows on a database or in a transaction: what [`Db::repository`](crate::Db::repository) calls, for code that
    /// serves both.
    pub fn new(on: H) -> Self {
        Self { on, of: PhantomData }
    }

    /// The rows that meet a condition, to be sorted, limited and fetched.
    pub fn find<'q>(self, filter: Filter<'q, T>) -> Find<'q, H, T> {
        Find::new(self.on, filter)
    }

    /// All rows, to be sorted, limited and fetched.
    pub fn all<'q>(self) -> Find<'q, H, T> {
        Find::new(self.on, Filter::all())
    }

    /// The row with the key, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table; else what the server
    /// refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    pub async fn get(self, key: impl KeyArg<T::Key>) -> Result<Option<T>>
    where
        T: PrimaryKey + OwnedRow,
    {
        const OPERATION: &str = "get";
        let key = key.values();
        let run = open(self.on, OPERATION, T::SELECT_BY_KEY, &key, Some(T::FIELDS));
        run.await.map_err(on_table::<T>)?.at_most_one().await.map_err(on_table::<T>)
    }

    /// Gives columns of the row with the key new values; says whether there is such a row.
    ///
    /// # Errors
    /// No column is given a value, or what the server refused.
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    pub async fn patch<'q>(
        self,
        key: impl KeyArg<T::Key>,
        set: impl IntoIterator<Item = Assignment<'q, T>>,
    ) -> Result<bool>
    where
        T: PrimaryKey + WriteRow,
    {
        const OPERATION: &str = "patch";
        let set: Vec<_> = set.into_iter().collect();
        if set.is_empty() {
            return Err(on_table::<T>(Error::new(ErrorKind::Query, "no column is given a value").during(OPERATION)));
        }
        let mut text = Where { sql: format!("UPDATE {}", table::<T>()), params: Vec::new() };
        assignments(&mut text, &set);
        for (i, (spec, value)) in T::SPECS.iter().filter(|s| s.primary_key).zip(key.values()).enumerate() {
            text.sql.push_str(if i == 0 { " WHERE " } else { " AND " });
            text.column(&spec.name);
            text.sql.push_str(" = ");
            text.param(value);
        }
        let run = open(self.on, OPERATION, &text.sql, &text.params, None);
        run.await.map_err(on_table::<T>)?.count().await.map(|n| n > 0).map_err(on_table::<T>)
    }

    /// Deletes the row with the key; says whether there was one.
    ///
    /// # Errors
    /// What the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection; whether the statement took effect is then unknown, unless it runs in a
    /// transaction, which is rolled back.
    pub async fn delete(self, key: impl KeyArg<T::Key>) -> Result<bool>
    where
        T: PrimaryKey + WriteRow,
    {
        const OPERATION: &str = "delete";
        let key = key.values();
        let run = open(self.on, OPERATION, T::DELETE_BY_KEY, &key, None);
        run.await.map_err(on_table::<T>)?.count().await.map(|n| n > 0).map_err(on_table::<T>)
    }

    /// Loads rows by binary COPY: all of them, or none.
    ///
    /// On `&Db` the load is a transaction of its own; in a transaction it runs under a savepoint. The server first
    /// describes the table under the lock that the load holds, and a struct that does not fit is refused by name. Rows
    /// are encoded as the source yields them and sent in pieces of some 32 KiB, so memory stays flat.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table.
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode): a value cannot be sent; row, field and reason are named.
    /// [`ErrorKind::Copy`](crate::ErrorKind::Copy): the server refused; row, column and constraint are named where the
    /// server names them. In each case the table is as it was.
    ///
    /// # Cancel safety
    /// A dropped future leaves no row behind. Dropped while its COMMIT is under way, all rows may be there.
    pub async fn copy_in<R, I>(self, rows: I) -> Result<CopyReport>
    where
        R: WriteRow<Table = T>,
        I: IntoIterator<Item = R>,
    {
        self.copy_in_with(rows, CopyInOptions::default()).await
    }

    /// [`copy_in`](Self::copy_in) with options.
    ///
    /// # Errors
    /// As [`copy_in`](Self::copy_in).
    ///
    /// # Cancel safety
    /// As [`copy_in`](Self::copy_in).
    pub async fn copy_in_with<R, I>(self, rows: I, options: CopyInOptions) -> Result<CopyReport>
    where
        R: WriteRow<Table = T>,
        I: IntoIterator<Item = R>,
    {
        let mut copy = self.start_copy_in::<R>(options);
        for row in rows {
            copy.send(&row).await?;
        }
        copy.finish().await
    }

    /// [`copy_in`](Self::copy_in) of rows that a stream yields.
    ///
    /// # Errors
    /// As [`copy_in`](Self::copy_in).
    ///
    /// # Cancel safety
    /// As [`copy_in`](Self::copy_in).
    pub async fn copy_in_stream<R, S>(self, rows: S) -> Result<CopyReport>
    where
        R: WriteRow<Table = T>,
        S: Stream<Item = R>,
    {
        self.copy_in_try_stream(rows.map(Ok::<_, Error>), CopyInOptions::default()).await
    }

    /// [`copy_in_with`](Self::copy_in_with) of rows that a stream yields or fails to: its error ends the load, which then
    /// stores nothing, and is returned as it is.
    ///
    /// # Errors
    /// As [`copy_in`](Self::copy_in), and the stream's own.
    ///
    /// # Cancel safety
    /// As [`copy_in`](Self::copy_in).
    pub async fn copy_in_try_stream<R, S, E>(self, rows: S, options: CopyInOptions) -> Result<CopyReport, E>
    where
        R: WriteRow<Table = T>,
        S: Stream<Item = Result<R, E>>,
        E: From<Error>,
    {
        let mut copy = self.start_copy_in::<R>(options);
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.next().await {
            match row {
                Ok(row) => copy.send(&row).await?,
                Err(error) => {
                    // A connection that fails to undo the load undoes it by its end: the source's error is the one to tell.
                    let _ended = copy.abort().await;
                    return Err(error);
                }
            }
        }
        Ok(copy.finish().await?)
    }

    /// Begins a load whose rows are handed over one by one: see [`CopyIn`]. Nothing is sent before the first row.
    pub fn start_copy_in<'s, R>(self, options: CopyInOptions) -> CopyIn<'s, R>
    where
        R: WriteRow<Table = T>,
        H: 's,
    {
        CopyIn::new(self.on, options)
    }

    /// Reads all rows by binary COPY, the fastest way out of the server.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table.
    ///
    /// # Cancel safety
    /// A dropped future or stream closes its connection; in a transaction it leaves that unusable.
    pub async fn copy_out<'s>(self) -> Result<CopyOutStream<'s, T>>
    where
        T: CopyOut,
        H: 's,
    {
        CopyOutStream::open(self.on).await
    }
}

/// The table's name, quoted.
pub(crate) fn table<T: PgTable + ?Sized>() -> String {
    let layout = sql::Layout { schema: T::TABLE.schema, table: T::TABLE.name, columns: &[] };
    sql::text(|out| sql::table(out, 0, &layout))
}

pub(crate) fn on_table<T: PgTable + ?Sized>(error: crate::Error) -> crate::Error {
    error.naming().on_table(T::TABLE)
}
