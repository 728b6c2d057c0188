use futures_core::Stream;
use futures_util::{StreamExt, stream};

use crate::copy::DeleteMany;
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::table::{ByKey, ConflictTarget, KeyArg, PgTable, PrimaryKey, WriteRow};

use super::Repository;
use super::merge::sure;
use super::write::key;

impl<H: Handle, T: PgTable> Repository<H, T> {
    /// Deletes the rows with the keys, all or none, and counts them or hands each back as it was. A key may come twice: the
    /// second time it is a duplicate. Of few keys, and where nothing is to be told of each, the statement
    /// [`delete_where(User::ID.is_in(keys))`](Self::delete_where) is cheaper.
    ///
    /// # What the server sees
    /// What it sees of a [`merge`](Self::merge), but for the `INSERT` and the `UPDATE`: the keys come by a binary COPY into a
    /// temporary table; one statement locks the rows that are there in the order of their keys, with `FOR UPDATE`, so that
    /// several calls at once end in no deadlock, and notes them; and one `DELETE` deletes them. Here and at the server memory
    /// stays flat however many keys there are. The role needs SELECT, UPDATE and DELETE on the table and TEMPORARY on the
    /// database. A source without keys sends nothing.
    ///
    /// # Errors
    /// As [`merge`](Self::merge); and [`ErrorKind::Copy`](crate::ErrorKind::Copy): other rows refer to one that is to be
    /// deleted, or a trigger or a policy leaves it where it is. Nothing is deleted then, unless
    /// [bad rows are passed](DeleteMany::tolerant).
    ///
    /// # Cancel safety
    /// As [`merge`](Self::merge).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "places")]
    /// # struct Place { #[pg(primary_key)] org: i32, #[pg(primary_key)] name: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let report = db.repository::<Place>().delete_many([(1, "door"), (1, "gate")]).execute().await?;
    /// println!("{} deleted, {} were not there", report.deleted, report.missing);
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_many<K, I>(self, keys: I) -> DeleteMany<H, impl Stream<Item = Result<ByKey<T, K>>>>
    where
        T: PrimaryKey + WriteRow,
        K: KeyArg<T::Key>,
        I: IntoIterator<Item = K>,
    {
        DeleteMany::new("delete_many", self.on, key::<T>(), sure(stream::iter(keys).map(ByKey::new)))
    }

    /// [`delete_many`](Self::delete_many) of the rows that have the same values as these in a unique set of columns, which
    /// are all that is sent of them.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, users: Vec<NewUser>) -> pgrepo::Result<()> {
    /// let report = db.repository::<User>().delete_many_on(User::UNIQUE_EMAIL, &users).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_many_on<C, R, I>(self, set: C, rows: I) -> DeleteMany<H, impl Stream<Item = Result<R>>>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T>,
        I: IntoIterator<Item = R>,
    {
        DeleteMany::new("delete_many_on", self.on, set.columns().to_vec(), sure(stream::iter(rows)))
    }

    /// [`delete_many`](Self::delete_many) of keys that a stream yields.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, gone: impl futures_core::Stream<Item = i64>) -> pgrepo::Result<()> {
    /// let report = db.repository::<User>().delete_many_stream(gone).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_many_stream<K, S>(self, keys: S) -> DeleteMany<H, impl Stream<Item = Result<ByKey<T, K>>>>
    where
        T: PrimaryKey + WriteRow,
        K: KeyArg<T::Key>,
        S: Stream<Item = K>,
    {
        DeleteMany::new("delete_many_stream", self.on, key::<T>(), sure(keys.map(ByKey::new)))
    }

    /// [`delete_many_on`](Self::delete_many_on) of rows that a stream yields.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, users: impl futures_core::Stream<Item = NewUser>) -> pgrepo::Result<()> {
    /// let report = db.repository::<User>().delete_many_stream_on(User::UNIQUE_EMAIL, users).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_many_stream_on<C, R, S>(self, set: C, rows: S) -> DeleteMany<H, impl Stream<Item = Result<R>>>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T>,
        S: Stream<Item = R>,
    {
        DeleteMany::new("delete_many_stream_on", self.on, set.columns().to_vec(), sure(rows))
    }

    /// [`delete_many`](Self::delete_many) of keys of a source that may fail, as those of a file: its error undoes all, and is returned as it is.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, file: impl tokio::io::AsyncRead + Send + 'static) -> pgrepo::Result<()> {
    /// // A number a line.
    /// let gone = pgrepo::ndjson::read::<i64, _>(file);
    /// let report = db.repository::<User>().delete_many_try_stream(gone).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_many_try_stream<K, S, E>(self, keys: S) -> DeleteMany<H, impl Stream<Item = Result<ByKey<T, K>, E>>>
    where
        T: PrimaryKey + WriteRow,
        K: KeyArg<T::Key>,
        S: Stream<Item = Result<K, E>>,
        E: From<Error>,
    {
        DeleteMany::new("delete_many_try_stream", self.on, key::<T>(), keys.map(|key| key.map(ByKey::new)))
    }

    /// [`delete_many_on`](Self::delete_many_on) of rows of a source that may fail, as those of a file: its error undoes all,
    /// and is returned as it is.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable, serde::Deserialize)]
    /// # #[pg(table = "items", unique = "code")]
    /// # struct Item { #[pg(primary_key)] sku: String, code: i64 }
    /// # async fn example(db: &Db, file: impl tokio::io::AsyncRead + Send + 'static) -> pgrepo::Result<()> {
    /// let items = pgrepo::ndjson::read::<Item, _>(file);
    /// let report = db.repository::<Item>().delete_many_try_stream_on(Item::UNIQUE_CODE, items).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_many_try_stream_on<C, R, S, E>(self, set: C, rows: S) -> DeleteMany<H, S>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T>,
        S: Stream<Item = Result<R, E>>,
        E: From<Error>,
    {
        DeleteMany::new("delete_many_try_stream_on", self.on, set.columns().to_vec(), rows)
    }
}
