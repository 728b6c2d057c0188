use std::pin::pin;

use futures_core::Stream;
use futures_util::StreamExt;
use tokio::io::AsyncWrite;

use crate::copy::{COPY_OUT, CopyFormat, CopyIn, CopyInOptions, CopyOutReport, CopyOutStream, CopyReport};
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::table::{CopyOut, PgTable, WriteRow};

use super::Repository;

impl<H: Handle, T: PgTable> Repository<H, T> {
    /// Loads rows by binary COPY: all of them, or none.
    ///
    /// On `&Db` the load is a transaction of its own; in a transaction it runs under a savepoint. The server first
    /// describes the table under the lock that the load holds, and a struct that does not fit is refused by name. Rows
    /// are encoded as the source yields them and sent in pieces of some 32 KiB, so memory stays flat.
    ///
    /// Notices of triggers are not sent, as nobody reads them before the last row. `RAISE INFO` cannot be silenced: what
    /// fits into the connection's buffers is read at the end, and where the server stops since they are full, the load ends
    /// by an error, within some seconds, and closes its connection. A tolerant load ([`load`](Self::load)) does not see that:
    /// set a [`statement_timeout`](crate::DbConfig::statement_timeout) where triggers say so much.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table.
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode): a value cannot be sent; row, field and reason are named.
    /// [`ErrorKind::Copy`](crate::ErrorKind::Copy): the server refused; row, column and constraint are named where the
    /// server names them. [`ErrorKind::Connection`](crate::ErrorKind::Connection) and
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout): there was no connection, or it broke. In each case the table is
    /// as it was.
    ///
    /// Where the connection breaks after COMMIT was sent, the server is asked over another one what became of the
    /// transaction, for as long as an operation may wait for a connection
    /// ([`acquire_timeout`](crate::DbConfig::acquire_timeout)). If it was committed, the load is answered as any other; if
    /// not, the error says so, the table is as it was, and the load [may be repeated](Error::is_retryable). Only where
    /// that cannot be found out is the error an [`ErrorKind::Transaction`](crate::ErrorKind::Transaction) of the class
    /// [`FaultClass::Indeterminate`](crate::FaultClass::Indeterminate), which no other error of a load is: all rows are
    /// stored or none, and [`Db::outcome`](crate::Db::outcome) tells later, by [`Error::tx_id`].
    ///
    /// # Cancel safety
    /// A dropped future leaves no row behind. Dropped while its COMMIT is under way, all rows may be there:
    /// [`CopyIn::tx_id`], kept before [`CopyIn::finish`], is what [`Db::outcome`](crate::Db::outcome) can then be asked by.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = (1..=1000).map(|id| User { id, name: format!("user {id}"), age: None });
    /// let report = db.repository::<User>().copy_in(users).await?;
    /// assert_eq!(report.rows, 1000);
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let options = CopyInOptions::default().expected_rows(users.len() as u64);
    /// db.repository::<User>().copy_in_with(users, options).await?;
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use futures_util::{StreamExt, stream};
    /// let users = stream::iter(1..=1000).map(|id| User { id, name: format!("user {id}"), age: None });
    /// db.repository::<User>().copy_in_stream(users).await?;
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db, old: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// // From one database to another, at flat memory; where reading fails, nothing is stored.
    /// let users = old.repository::<User>().copy_out().await?;
    /// db.repository::<User>().copy_in_try_stream(users, CopyInOptions::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
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
                    let _ended = copy.abort_otherwise().await;
                    return Err(error);
                }
            }
        }
        Ok(copy.finish().await?)
    }

    /// Begins a load whose rows are handed over one by one: see [`CopyIn`]. Nothing is sent before the first row.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let mut copy = db.repository::<User>().start_copy_in::<User>(CopyInOptions::default());
    /// copy.send(&User { id: 1, name: "Ann".into(), age: None }).await?;
    /// copy.finish().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_copy_in<'s, R>(self, options: CopyInOptions) -> CopyIn<'s, R>
    where
        R: WriteRow<Table = T>,
        H: 's,
    {
        CopyIn::new(self.on, options)
    }

    /// Reads all rows by binary COPY, which is the least work for the client.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table.
    ///
    /// # Cancel safety
    /// A dropped future or stream closes its connection; in a transaction it leaves that unusable.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use futures_util::TryStreamExt;
    /// let mut users = db.repository::<User>().copy_out().await?;
    /// while let Some(user) = users.try_next().await? {
    ///     println!("{}", user.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_out<'s>(self) -> Result<CopyOutStream<'s, T>>
    where
        T: CopyOut,
        H: 's,
    {
        let place = self.place();
        let operation = self.on.observe(COPY_OUT, place.subject());
        operation.opened(pin!(CopyOutStream::open(self.on))).await.map(CopyOutStream::observed)
    }

    /// Writes all rows as CSV, text or binary to any writer, as the server sends them, and flushes it; it is not shut
    /// down. Memory stays flat, and a slow writer slows the server.
    ///
    /// The columns are the struct's, by their names, in the order of its fields. What is written is what psql's `\copy`
    /// writes with the same options, byte for byte.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the table, or a column, is not there.
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): the format is none.
    /// [`ErrorKind::Io`](crate::ErrorKind::Io): the writer failed; the connection is closed, as the rest is still under
    /// way on it, and a transaction is then over. Whatever fails, what was written before stays in the writer.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection, and leaves a part of the rows in the writer; in a transaction it leaves that
    /// unusable.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { icao: String, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db, mut file: impl tokio::io::AsyncWrite + Unpin) -> pgrepo::Result<()> {
    /// use pgrepo::CopyFormat;
    /// let report = db.repository::<Airport>().copy_out_raw(&CopyFormat::csv(), &mut file).await?;
    /// println!("{} airports in {} bytes", report.rows, report.bytes);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_out_raw<W>(self, format: &CopyFormat, writer: &mut W) -> Result<CopyOutReport>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        self.all().copy_out_raw(format, writer).await
    }
}
