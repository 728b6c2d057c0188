use std::borrow::Cow;
use std::pin::pin;

use tokio::io::AsyncWrite;

use crate::copy::{COPY_OUT, CopyFormat, CopyOutReport, CopyOutStream, Selection, copy_out_raw};
use crate::error::Result;
use crate::observe::{Operation, Subject};
use crate::pool::{Handle, Param};
use crate::row::Row;
use crate::stream::RowStream;
use crate::table::{CopyOut, Fields, FromCell, FromRow, OwnedRow};
use crate::value::Encode;

use super::reads::open_again;
use super::run::{Run, open};
use super::text;

/// A statement of the user's own, with the values of its parameters.
///
/// It is prepared once for each connection; the type of each value is compared with the one that the server gave the
/// parameter before anything is sent, so a value never arrives as another.
#[must_use = "a query does nothing until it is fetched or executed"]
pub struct Query<'q, H> {
    on: H,
    sql: Cow<'q, str>,
    params: Vec<Box<Param<'q>>>,
    idempotent: bool,
    /// What it is called, if not by the method that ends it.
    name: Option<&'static str>,
}

/// A statement of your own on a database or in a transaction: what [`Db::query`](crate::Db::query) and
/// [`Tx::query`](crate::Tx::query) call, for code that serves both.
///
/// # Examples
/// ```no_run
/// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
/// use pgrepo::{Handle, Result};
///
/// async fn users(on: impl Handle) -> Result<i64> {
///     pgrepo::query(on, "SELECT count(*) FROM users").fetch_val().await
/// }
/// println!("{} users", users(db).await?);
/// # Ok(())
/// # }
/// ```
pub fn query<'q, H: Handle>(on: H, sql: impl Into<Cow<'q, str>>) -> Query<'q, H> {
    Query::new(on, sql.into())
}

impl<'q, H: Handle> Query<'q, H> {
    pub(crate) fn new(on: H, sql: Cow<'q, str>) -> Self {
        Self { on, sql, params: Vec::new(), idempotent: false, name: None }
    }

    /// Gives the next parameter, `$1` first, its value.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let rename = "UPDATE users SET name = $1 WHERE id = ANY($2)";
    /// db.query(rename).bind("Ann").bind([1_i64, 2, 3]).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(mut self, value: impl Encode + Send + Sync + 'q) -> Self {
        self.params.push(Box::new(value));
        self
    }

    /// Declares that to run the statement twice is the same as to run it once, as it is when it only reads.
    ///
    /// It is then run again when it fails for a cause that may pass, also when it may have been run: see
    /// [`FaultClass`](crate::FaultClass) and [`RetryConfig`](crate::RetryConfig). In a transaction this says nothing: that
    /// is run again as a whole or not at all. Of a stream nothing is run again once it has handed out a row.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users: i64 = db.query("SELECT count(*) FROM users").idempotent().fetch_val().await?;
    /// db.query("UPDATE users SET name = $1 WHERE id = $2").bind("Ann").bind(1_i64).idempotent().execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Executes the statement and returns how many rows it affected.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): a value does not fit its parameter; else what the server
    /// refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection. Whether the statement took effect is then unknown, unless it runs in a
    /// transaction, which is rolled back.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let deleted = db.query("DELETE FROM users WHERE age < $1").bind(18).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute(self) -> Result<u64> {
        let name = self.named_or("execute");
        self.observe(name).watch(pin!(async { self.run(name, None).await?.count().await })).await
    }

    /// Reads the one row of the result.
    ///
    /// # Errors
    /// [`ErrorKind::NoRow`](crate::ErrorKind::NoRow) and [`ErrorKind::ManyRows`](crate::ErrorKind::ManyRows);
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the result's columns do not fit;
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode): a value does not.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let (name, age): (String, Option<i32>) =
    ///     db.query("SELECT name, age FROM users WHERE id = $1").bind(1_i64).fetch_one().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_one<T: OwnedRow>(self) -> Result<T> {
        let name = self.named_or("fetch_one");
        self.observe(name).watch(pin!(async { self.run(name, Some(T::FIELDS)).await?.one().await })).await
    }

    /// Reads the one value of the result: that of its only column in its only row.
    ///
    /// No row is an error, and so is NULL unless `V` is an `Option`. Where both may be,
    /// [`fetch_optional`](Self::fetch_optional) of an `Option` tells them apart: `None` is no row, `Some(None)` NULL.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one).
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users: i64 = db.query("SELECT count(*) FROM users").fetch_val().await?;
    /// let oldest: Option<i32> = db.query("SELECT max(age) FROM users").fetch_val().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_val<V: FromCell + OwnedRow>(self) -> Result<V> {
        let name = self.named_or("fetch_val");
        self.observe(name).watch(pin!(async { self.run(name, Some(V::FIELDS)).await?.one().await })).await
    }

    /// Reads the one row of the result, if there is any.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no row.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let name: Option<String> = db.query("SELECT name FROM users WHERE id = $1").bind(1_i64).fetch_optional().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_optional<T: OwnedRow>(self) -> Result<Option<T>> {
        let name = self.named_or("fetch_optional");
        self.observe(name).watch(pin!(async { self.run(name, Some(T::FIELDS)).await?.at_most_one().await })).await
    }

    /// Reads the first row of the result, if there is any; the others are received and thrown away.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no and many rows.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let oldest: Option<String> = db.query("SELECT name FROM users ORDER BY age DESC LIMIT 1").fetch_first().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_first<T: OwnedRow>(self) -> Result<Option<T>> {
        let name = self.named_or("fetch_first");
        let told = self.observe(name);
        let first = pin!(async { self.run(name, Some(T::FIELDS)).await?.first().await.map(|(first, _)| first) });
        told.watch(first).await
    }

    /// Reads all rows of the result.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no and many rows.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let grown_up = pgrepo::sql!("SELECT {columns} FROM users u WHERE u.age > $1", User as u);
    /// let users: Vec<User> = db.query(grown_up).bind(17).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_all<T: OwnedRow>(self) -> Result<Vec<T>> {
        let name = self.named_or("fetch_all");
        self.observe(name).watch(pin!(async { self.run(name, Some(T::FIELDS)).await?.all().await })).await
    }

    /// Reads the rows as the server names them, without a struct.
    ///
    /// # Errors
    /// What the server refused.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// for row in db.query("SELECT id, name FROM users").fetch_rows().await? {
    ///     let (id, name): (i64, String) = (row.get("id")?, row.get("name")?);
    ///     println!("{id}: {name}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_rows(self) -> Result<Vec<Row>> {
        let name = self.named_or("fetch_rows");
        self.observe(name).watch(pin!(async { self.run(name, None).await?.rows().await })).await
    }

    /// Begins to read the rows one by one; memory stays flat at any size of the result.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no and many rows; a value that does not fit is reported by its row.
    ///
    /// # Cancel safety
    /// A dropped stream closes its connection: what it has not read never arrives. In a transaction it leaves that
    /// unusable.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut users = db.query("SELECT name FROM users").stream::<&str>().await?;
    /// while let Some(name) = users.next().await? {
    ///     println!("{name}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stream<'s, T: FromRow>(self) -> Result<RowStream<'s, T>>
    where
        H: 's,
    {
        let name = self.named_or("stream");
        let (run, operation) = self.observe(name).opened(pin!(self.run(name, Some(T::FIELDS)))).await?;
        run.stream(operation)
    }

    /// Reads the rows by binary COPY, which is the least work for the client; the statement is one that gives rows: `SELECT`,
    /// `VALUES`, `TABLE`, `WITH … SELECT`.
    ///
    /// It costs some round trips more than a stream, and less for each row: for large results. COPY takes no parameters, so
    /// the server writes each value as a literal of its type into the statement. On `&Db` it runs in a transaction of its
    /// own that reads only; in a transaction, under a savepoint.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    ///
    /// # Cancel safety
    /// As [`stream`](Self::stream).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let sql = "SELECT country, count(*) FROM airports WHERE elevation_ft > $1 GROUP BY country";
    /// let mut countries = db.query(sql).bind(8_000.0).copy_out::<(String, i64)>().await?;
    /// while let Some((country, airports)) = countries.next().await? {
    ///     println!("{country}: {airports}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_out<'s, T: CopyOut>(self) -> Result<CopyOutStream<'s, T>>
    where
        H: 's,
    {
        let operation = self.observe(COPY_OUT);
        let opened = pin!(async {
            text::check(&self.sql, H::IN_TRANSACTION)?;
            let params: Vec<&Param<'_>> = self.params.iter().map(|p| &**p).collect();
            CopyOutStream::select(self.on, Selection { sql: &self.sql, params: &params, place: None }).await
        });
        operation.opened(opened).await.map(CopyOutStream::observed)
    }

    /// Writes the rows as CSV, text or binary: [`copy_out`](Self::copy_out) by
    /// [`Repository::copy_out_raw`](crate::Repository::copy_out_raw).
    ///
    /// # Errors
    /// As [`Repository::copy_out_raw`](crate::Repository::copy_out_raw).
    ///
    /// # Cancel safety
    /// As [`Repository::copy_out_raw`](crate::Repository::copy_out_raw).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db, mut file: impl tokio::io::AsyncWrite + Unpin) -> pgrepo::Result<()> {
    /// use pgrepo::CopyFormat;
    /// let swiss = db.query("SELECT icao, name FROM airports WHERE country = $1 ORDER BY icao").bind("CH");
    /// let report = swiss.copy_out_raw(&CopyFormat::csv(), &mut file).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_out_raw<W>(self, format: &CopyFormat, writer: &mut W) -> Result<CopyOutReport>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        let operation = self.observe(COPY_OUT);
        let copied = pin!(async {
            text::check(&self.sql, H::IN_TRANSACTION)?;
            let params: Vec<&Param<'_>> = self.params.iter().map(|p| &**p).collect();
            let selection = Selection { sql: &self.sql, params: &params, place: None };
            copy_out_raw(self.on, selection, format, writer).await
        });
        operation.watch(copied).await
    }

    /// The same as an operation of another name, that it is the whole of.
    pub(crate) fn named(mut self, operation: &'static str) -> Self {
        self.name = Some(operation);
        self
    }

    fn named_or(&self, name: &'static str) -> &'static str {
        self.name.unwrap_or(name)
    }

    fn observe(&self, name: &'static str) -> Operation {
        self.on.observe(name, Subject::default())
    }

    async fn run<'s>(self, operation: &'static str, fields: Option<Fields>) -> Result<Run<'s>>
    where
        H: 's,
    {
        text::check(&self.sql, H::IN_TRANSACTION)?;
        let params: Vec<&Param<'_>> = self.params.iter().map(|p| &**p).collect();
        match self.idempotent {
            true => open_again(self.on, operation, &self.sql, &params, fields).await,
            false => open(self.on, operation, &self.sql, &params, fields).await,
        }
    }
}

impl<H> std::fmt::Debug for Query<'_, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let types: Vec<_> = self.params.iter().map(|p| p.rust_type()).collect();
        f.debug_struct("Query").field("sql", &self.sql).field("parameters", &types).finish_non_exhaustive()
    }
}

/// Executes a statement of the user's own whose values are kept for another time.
pub(crate) async fn execute<H: Handle>(on: H, sql: &str, params: &[Box<Param<'_>>]) -> Result<u64> {
    const OPERATION: &str = "execute";
    let operation = on.observe(OPERATION, Subject::default());
    let executed = pin!(async {
        text::check(sql, H::IN_TRANSACTION)?;
        let params: Vec<&Param<'_>> = params.iter().map(|p| &**p).collect();
        open(on, OPERATION, sql, &params, None).await?.count().await
    });
    operation.watch(executed).await.map_err(|e| e.during(OPERATION))
}
