use futures_core::Stream;
use futures_util::{StreamExt, stream};

use crate::copy::{Merge, UpdateMany};
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::table::{ConflictTarget, PgTable, PrimaryKey, WriteRow};

use super::Repository;
use super::write::key;

impl<H: Handle, T: PgTable> Repository<H, T> {
    /// Merges rows into the table by their keys, set by set: those that are there are updated where they differ, the
    /// others inserted; all of them, or none, or by [`Merge::tolerant`] all but the bad ones. See [`Merge`] for which columns
    /// are updated, and which of several rows with the same key is stored.
    ///
    /// It is made for many rows; for a few [`upsert`](Self::upsert) is quicker, since a merge makes tables first.
    ///
    /// # What is stored
    /// Rows are the table's own struct, its `New…` struct, or one with [`PgInsert`](macro@crate::PgInsert), and all send
    /// the columns that the first one sends. A row that is inserted gets from the server what the rows do not send:
    /// numbers, defaults, generated columns. Identity columns are left to the server, but for those that the rows are
    /// found by: these are stored as the row has them, also where the server says that it always numbers. A row that is
    /// there keeps the columns that are not updated. It is written only if one of those to be updated has another value,
    /// bit for bit, as the operator `*<>` compares
    /// (<https://www.postgresql.org/docs/current/functions-comparisons.html#COMPOSITE-TYPE-COMPARISON>): it asks nothing
    /// of a type, so `json` columns can be compared, and `1.0` is another numeric than `1.00`. A column marked
    /// `#[pg(version)]` is counted up with each row that is written, and not compared.
    ///
    /// # What the server sees
    /// On `&Db` a merge is a transaction of its own; in a transaction it runs under a savepoint. The columns are described
    /// and checked under the lock of a COPY ([`copy_in`](Self::copy_in)). Then come
    /// `CREATE TEMPORARY TABLE … ON COMMIT DROP` with those of the target's columns that are sent, a binary COPY into it,
    /// and a few statements for all rows together: a shared advisory lock, which holds back merges that
    /// [have to go on in parts](crate::Merge::tolerant), or an exclusive one where something else that is sent than the key is
    /// unique as well, or excludes others (its first number is 1885827685, its second one the table's, or its topmost
    /// parent's of a partition); one
    /// that looks for rows with the same key;
    /// `INSERT … SELECT … ORDER BY … FOR NO KEY UPDATE` into a second temporary table, which locks the rows that are there
    /// in the order of their keys and notes which of them differ; `INSERT … SELECT … ORDER BY … ON CONFLICT (…) DO NOTHING`
    /// of the others; and `UPDATE … FROM` of those that differ. Where another transaction has inserted some of the others
    /// meanwhile, the merge rolls back to a savepoint and looks anew. So merges of the same table by the same
    /// key wait for each other and neither end in a deadlock nor overwrite what they have not seen. With other statements
    /// that lock in another order, or several merges in one transaction, the server may have
    /// to end a deadlock, which [may be repeated](crate::Error::is_retryable). In a transaction at REPEATABLE READ or
    /// above a row that was changed meanwhile is a serialisation failure, as of any statement.
    ///
    /// The role needs SELECT, INSERT and UPDATE on the table and TEMPORARY on the database. Triggers of the target are
    /// fired by the `INSERT` and the `UPDATE`, which come in this order: a new row cannot have what another one gives up.
    /// Row-level security applies to them as to any: a row that a policy refuses is an error, and so is one whose key a row
    /// has that a policy hides, or lets the role see and not update. Rows are sent as the source yields them, in pieces of
    /// some 32 KiB, so memory stays flat here; the server keeps them until the end, on disk where they are many (`temp_buffers`,
    /// `work_mem`).
    ///
    /// A source without rows sends nothing; one of a [tolerant](crate::Merge::tolerant) merge makes the merge's tables all
    /// the same.
    ///
    /// # Errors
    /// In each case the table is as it was, and a transaction goes on.
    ///
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table, the table is a view, the
    /// key's columns are no unique set of it, or a column that is to be updated is not sent.
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode): a value cannot be sent; row, field and reason are named.
    /// [`ErrorKind::Copy`](crate::ErrorKind::Copy): a key is NULL, or a value is refused by its column's type or domain,
    /// and row and column are named; two rows have the same key, and both are named; or a row violates a constraint, and
    /// the server names the constraint, and the row by its key or values in the [detail](crate::Error::detail).
    /// A row that a policy refuses (42501), or that a trigger or a policy leaves out, is such an error too, and so is a
    /// temporary table of the session that is called as the merge's own. Where other transactions insert and delete rows
    /// with the same keys again and again, the merge gives up after some attempts, and [may be
    /// repeated](crate::Error::is_retryable). [`ErrorKind::Connection`](crate::ErrorKind::Connection) and
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout): there was no connection, or it broke.
    ///
    /// Where the connection breaks after COMMIT was sent, the server is asked what became of the transaction, as
    /// [`copy_in`](Self::copy_in) asks it.
    ///
    /// # Cancel safety
    /// A dropped future leaves no row behind. Dropped while its COMMIT is under way, all may be merged: where that has to
    /// be known, merge in a transaction whose [`id`](crate::Tx::id) was asked for.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, Duplicates, PgTable};
    /// #[derive(PgTable)]
    /// #[pg(table = "items")]
    /// struct Item {
    ///     #[pg(primary_key)]
    ///     sku: String,
    ///     name: String,
    ///     price: i64,
    /// }
    /// # async fn example(db: &Db, items: impl Iterator<Item = Item>) -> pgrepo::Result<()> {
    /// let report = db.repository::<Item>().merge(items).duplicates(Duplicates::LastWins).execute().await?;
    /// println!("{} new, {} changed, {} as they were", report.inserted, report.updated, report.unchanged);
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge<R, I>(self, rows: I) -> Merge<H, impl Stream<Item = Result<R>>>
    where
        T: PrimaryKey,
        R: WriteRow<Table = T>,
        I: IntoIterator<Item = R>,
    {
        Merge::new("merge", self.on, key::<T>(), sure(stream::iter(rows)))
    }

    /// [`merge`](Self::merge) by a unique set of columns. The primary key of a row that is there is kept.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, users: Vec<NewUser>) -> pgrepo::Result<()> {
    /// let report = db.repository::<User>().merge_on(User::UNIQUE_EMAIL, users).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge_on<C, R, I>(self, set: C, rows: I) -> Merge<H, impl Stream<Item = Result<R>>>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T>,
        I: IntoIterator<Item = R>,
    {
        Merge::new("merge_on", self.on, set.columns().to_vec(), sure(stream::iter(rows)))
    }

    /// [`merge`](Self::merge) of rows that a stream yields.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: impl futures_core::Stream<Item = Item>) -> pgrepo::Result<()> {
    /// let report = db.repository::<Item>().merge_stream(items).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge_stream<R, S>(self, rows: S) -> Merge<H, impl Stream<Item = Result<R>>>
    where
        T: PrimaryKey,
        R: WriteRow<Table = T>,
        S: Stream<Item = R>,
    {
        Merge::new("merge_stream", self.on, key::<T>(), sure(rows))
    }

    /// [`merge_on`](Self::merge_on) of rows that a stream yields.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, users: impl futures_core::Stream<Item = NewUser>) -> pgrepo::Result<()> {
    /// let report = db.repository::<User>().merge_stream_on(User::UNIQUE_EMAIL, users).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge_stream_on<C, R, S>(self, set: C, rows: S) -> Merge<H, impl Stream<Item = Result<R>>>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T>,
        S: Stream<Item = R>,
    {
        Merge::new("merge_stream_on", self.on, set.columns().to_vec(), sure(rows))
    }

    /// [`merge`](Self::merge) of rows that a stream yields or fails to, as those of a file do: its error ends the merge,
    /// which then stores nothing, and is returned as it is.
    ///
    /// # Errors
    /// As [`merge`](Self::merge), and the stream's own.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable, serde::Deserialize)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, file: impl tokio::io::AsyncRead + Send + 'static) -> pgrepo::Result<()> {
    /// let items = pgrepo::ndjson::read::<Item, _>(file);
    /// let report = db.repository::<Item>().merge_try_stream(items).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge_try_stream<R, S, E>(self, rows: S) -> Merge<H, S>
    where
        T: PrimaryKey,
        R: WriteRow<Table = T>,
        S: Stream<Item = Result<R, E>>,
        E: From<Error>,
    {
        Merge::new("merge_try_stream", self.on, key::<T>(), rows)
    }

    /// [`merge_on`](Self::merge_on) of rows that a stream yields or fails to: see
    /// [`merge_try_stream`](Self::merge_try_stream).
    ///
    /// # Errors
    /// As [`merge`](Self::merge), and the stream's own.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # type Users = Vec<pgrepo::Result<NewUser>>;
    /// # async fn example(db: &Db, users: Users) -> pgrepo::Result<()> {
    /// let users = futures_util::stream::iter(users);
    /// let report = db.repository::<User>().merge_try_stream_on(User::UNIQUE_EMAIL, users).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge_try_stream_on<C, R, S, E>(self, set: C, rows: S) -> Merge<H, S>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T>,
        S: Stream<Item = Result<R, E>>,
        E: From<Error>,
    {
        Merge::new("merge_try_stream_on", self.on, set.columns().to_vec(), rows)
    }

    /// Updates many rows by their keys, all that are there, or none: a [`merge`](Self::merge) that inserts nothing, and
    /// counts the rows that are missing.
    ///
    /// A column marked `#[pg(version)]` is counted up and not compared: see [`update`](Self::update) for that. The role
    /// does not need INSERT. Rows that a policy hides, or does not let the role update, are counted as missing.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgInsert, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// #[derive(PgInsert)]
    /// #[pg(of = Item)]
    /// struct Price {
    ///     sku: String,
    ///     price: i64,
    /// }
    /// # async fn example(db: &Db, prices: Vec<Price>) -> pgrepo::Result<()> {
    /// let report = db.repository::<Item>().update_many(prices).execute().await?;
    /// println!("{} prices changed, {} items are not there", report.updated, report.missing);
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_many<R, I>(self, rows: I) -> UpdateMany<H, impl Stream<Item = Result<R>>>
    where
        T: PrimaryKey,
        R: WriteRow<Table = T>,
        I: IntoIterator<Item = R>,
    {
        UpdateMany::new("update_many", self.on, key::<T>(), sure(stream::iter(rows)))
    }

    /// [`update_many`](Self::update_many) by a unique set of columns. The primary key of a row that is there is kept.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, users: Vec<NewUser>) -> pgrepo::Result<()> {
    /// let report = db.repository::<User>().update_many_on(User::UNIQUE_EMAIL, users).execute().await?;
    /// println!("{} renamed, {} are not there", report.updated, report.missing);
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_many_on<C, R, I>(self, set: C, rows: I) -> UpdateMany<H, impl Stream<Item = Result<R>>>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T>,
        I: IntoIterator<Item = R>,
    {
        UpdateMany::new("update_many_on", self.on, set.columns().to_vec(), sure(stream::iter(rows)))
    }

    /// [`update_many`](Self::update_many) of rows that a stream yields.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, items: impl futures_core::Stream<Item = Item>) -> pgrepo::Result<()> {
    /// let report = db.repository::<Item>().update_many_stream(items).update(Item::PRICE).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_many_stream<R, S>(self, rows: S) -> UpdateMany<H, impl Stream<Item = Result<R>>>
    where
        T: PrimaryKey,
        R: WriteRow<Table = T>,
        S: Stream<Item = R>,
    {
        UpdateMany::new("update_many_stream", self.on, key::<T>(), sure(rows))
    }

    /// [`update_many_on`](Self::update_many_on) of rows that a stream yields.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, users: impl futures_core::Stream<Item = NewUser>) -> pgrepo::Result<()> {
    /// let report = db.repository::<User>().update_many_stream_on(User::UNIQUE_EMAIL, users).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_many_stream_on<C, R, S>(self, set: C, rows: S) -> UpdateMany<H, impl Stream<Item = Result<R>>>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T>,
        S: Stream<Item = R>,
    {
        UpdateMany::new("update_many_stream_on", self.on, set.columns().to_vec(), sure(rows))
    }

    /// [`update_many_on`](Self::update_many_on) of rows that a stream yields or fails to: see
    /// [`merge_try_stream`](Self::merge_try_stream).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # type Users = Vec<pgrepo::Result<NewUser>>;
    /// # async fn example(db: &Db, users: Users) -> pgrepo::Result<()> {
    /// let users = futures_util::stream::iter(users);
    /// let report = db.repository::<User>().update_many_try_stream_on(User::UNIQUE_EMAIL, users).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_many_try_stream_on<C, R, S, E>(self, set: C, rows: S) -> UpdateMany<H, S>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T>,
        S: Stream<Item = Result<R, E>>,
        E: From<Error>,
    {
        UpdateMany::new("update_many_try_stream_on", self.on, set.columns().to_vec(), rows)
    }

    /// [`update_many`](Self::update_many) of rows that a stream yields or fails to: see
    /// [`merge_try_stream`](Self::merge_try_stream).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable, serde::Deserialize)]
    /// # #[pg(table = "items")]
    /// # struct Item { #[pg(primary_key)] sku: String, name: String, price: i64 }
    /// # async fn example(db: &Db, file: impl tokio::io::AsyncRead + Send + 'static) -> pgrepo::Result<()> {
    /// let items = pgrepo::ndjson::read::<Item, _>(file);
    /// let report = db.repository::<Item>().update_many_try_stream(items).execute().await?;
    /// println!("{} items are not there", report.missing);
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_many_try_stream<R, S, E>(self, rows: S) -> UpdateMany<H, S>
    where
        T: PrimaryKey,
        R: WriteRow<Table = T>,
        S: Stream<Item = Result<R, E>>,
        E: From<Error>,
    {
        UpdateMany::new("update_many_try_stream", self.on, key::<T>(), rows)
    }
}

/// Rows of a source that does not fail.
pub(super) fn sure<R>(rows: impl Stream<Item = R>) -> impl Stream<Item = Result<R>> {
    rows.map(Ok)
}
