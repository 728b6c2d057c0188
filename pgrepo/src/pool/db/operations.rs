//! What is run on a database.

use std::borrow::Cow;

use serde::Serialize;

use crate::concurrent::Concurrent;
use crate::copy::{CopyReport, copy_records};
use crate::error::Result;
use crate::json::{insert_json, query_json};
use crate::pool::RawConnection;
use crate::query::Query;
use crate::repository::Repository;
use crate::row::Row;
use crate::table::{PgTable, TableName};
use crate::tx::{Tx, TxId, TxOptions, TxOutcome};
use crate::value::Value;

use super::Db;

impl Db {
    /// A statement of your own, with `$1`, `$2`, … for the values that [`bind`](Query::bind) gives it.
    ///
    /// What would stay in the session of whoever gets the connection next is refused before anything is sent, by the
    /// statement's keywords; so it is in [`execute_script`](Self::execute_script) and on a [`Tx`]:
    ///
    /// * `SET`, `RESET`, `DISCARD`, `LISTEN`, `UNLISTEN`, `LOAD`, `PREPARE` and `DEALLOCATE`;
    /// * a call of `set_config` whose last argument is not the literal `true`, which makes it last as long as a transaction;
    /// * `CREATE TEMPORARY` …, but for a table made with `ON COMMIT DROP`; `DECLARE` … `WITH HOLD`;
    /// * `BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT` and their like, for which [`begin`](Self::begin) is, and `COPY`.
    ///
    /// `SET LOCAL`, `SET TRANSACTION` and `SET CONSTRAINTS` last as long as a transaction: they are taken on a [`Tx`]
    /// and in a script of several statements, and refused where they would do nothing.
    ///
    /// What a statement does otherwise is not seen: a function of yours that calls `set_config`, an advisory lock of the
    /// session, `SELECT … INTO TEMPORARY`, a table created in `pg_temp`. Use [`raw`](Self::raw) for such.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let names: Vec<String> = db.query("SELECT name FROM users WHERE age > $1").bind(17).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn query<'q>(&self, sql: impl Into<Cow<'q, str>>) -> Query<'q, &Self> {
        Query::new(self, sql.into())
    }

    /// The everyday methods of a table.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// if let Some(ann) = users.get(1).await? {
    ///     println!("{} of {}", ann.name, users.all().count().await?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn repository<T: PgTable>(&self) -> Repository<&Self, T> {
        Repository::new(self)
    }

    /// Runs statements without parameters, separated by semicolons, in one message; either all take effect or none.
    ///
    /// # Errors
    /// What the server refused, or a statement that would change the session of whoever gets the connection next.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection. Whether the statements took effect is then unknown.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// db.execute_script("CREATE TABLE tags (name text PRIMARY KEY); CREATE INDEX ON users (age)").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute_script(&self, sql: &str) -> Result<()> {
        crate::query::script(self, sql).await
    }

    /// Loads rows of dynamic values by binary COPY, for code that has no struct: all of them, or none.
    ///
    /// The table and its columns are looked up on the server before any statement names them, and each value is
    /// written as its column's type wants it, exactly or not at all: see [`Value`].
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): there is no such column, or the server computes it;
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode): a value cannot be sent: row, column and both types are named;
    /// else as [`Repository::copy_in`](crate::Repository::copy_in). In each case the table is as it was.
    ///
    /// # Cancel safety
    /// As [`Repository::copy_in`](crate::Repository::copy_in).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Value;
    /// let rows = [[Value::from("Ann"), Value::from(28)], [Value::from("Bo"), Value::Null]];
    /// let report = db.copy_records("users", &["name", "age"], rows).await?;
    /// assert_eq!(report.rows, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_records<'t, R: AsRef<[Value]>>(
        &self,
        table: impl Into<TableName<'t>>,
        columns: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> Result<CopyReport> {
        copy_records(self, table.into(), columns, rows).await
    }

    /// Stores a document in a `json` or `jsonb` column of a new row, with values for other columns, for code that has
    /// no struct; returns how many rows were stored: one, unless a trigger or a rule decides otherwise.
    ///
    /// The table and its columns are looked up on the server before any statement names them, which costs a round trip
    /// each time. Other values are written as their columns want it, exactly or not at all: see [`Value`]. Columns
    /// that are not named are left to the server.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): there is no such table or column, the server computes it,
    /// or it is not of such a type; [`ErrorKind::Encode`](crate::ErrorKind::Encode): a value cannot be sent; else what
    /// the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection; whether the row is stored is then unknown.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Value;
    /// let ann = serde_json::json!({"name": "Ann", "profile": {"location": {"city": "San Francisco"}}});
    /// db.insert_json("user_profiles", "data", &ann, [("created_by", Value::from("system"))]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_json<'t, 'c>(
        &self,
        table: impl Into<TableName<'t>>,
        column: &str,
        document: &(impl Serialize + ?Sized),
        others: impl IntoIterator<Item = (&'c str, Value)>,
    ) -> Result<u64> {
        insert_json(self, table.into(), column, document, others).await
    }

    /// Reads the rows whose document, in a `json` or `jsonb` column, holds the value at the path.
    ///
    /// What the server is asked depends on the path; path and value are bound in each case, and the table and its
    /// column are looked up before any statement names them, which costs a round trip each time.
    ///
    /// * A path of keys, such as `$.profile.location.city` or `$."first name"`, is asked for by containment,
    ///   `column @> $1` with the value nested in these keys: a string, number, bool or null is there as it is, an object
    ///   is there with these members at least, an array with these elements at least
    ///   (<https://www.postgresql.org/docs/current/datatype-json.html#JSON-CONTAINMENT>). A GIN index on a `jsonb`
    ///   column serves it. No array is looked into on the way.
    /// * Any other path (`$.skills[*]`, `$.items[0].price`, `$.**.city`, `strict $.a`) runs `jsonb_path_exists`, **for
    ///   which there is no index: each row of the table is read.** The value is `$value` in the path's filters:
    ///   `$.items[*] ? (@.price > $value)`. A path that does not name it finds what equals the value, which then is no
    ///   object and no array. What a path cannot be applied to is not found, and no error.
    ///
    /// # Errors
    /// [`ErrorKind::Query`](crate::ErrorKind::Query): the path is wrong, and where, or what the server refused;
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): there is no such table or column, or it holds no documents;
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode): the value has no form in JSON, as NaN and the infinities have
    /// none (inside of a larger value they are null, as serde_json has it).
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let path = "$.profile.location.city";
    /// for row in db.query_json("user_profiles", "data", path, "San Francisco").await? {
    ///     let (id, data): (i64, serde_json::Value) = (row.get("id")?, row.get("data")?);
    ///     println!("{id}: {}", data["name"]);
    /// }
    /// let python = db.query_json("user_profiles", "data", "$.profile.skills[*]", "Python").await?;
    /// let adults = db.query_json("user_profiles", "data", "$.profile ? (@.age >= $value)", 18).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn query_json<'t>(
        &self,
        table: impl Into<TableName<'t>>,
        column: &str,
        path: &str,
        value: impl Serialize,
    ) -> Result<Vec<Row>> {
        query_json(self, table.into(), column, path, value).await
    }

    /// Begins a transaction. Dropped without [`commit`](Tx::commit) it is rolled back.
    ///
    /// # Errors
    /// No connection, or the server refused.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind: its connection is closed.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// tx.query("UPDATE accounts SET balance = balance - 5 WHERE id = 1").execute().await?;
    /// tx.query("UPDATE accounts SET balance = balance + 5 WHERE id = 2").execute().await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn begin(&self) -> Result<Tx> {
        self.begin_with(TxOptions::default()).await
    }

    /// What became of a transaction whose COMMIT was not answered: see [`Tx::id`].
    ///
    /// # Errors
    /// The server could not be asked. That it no longer knows the transaction is [`TxOutcome::Unknown`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::TxOutcome;
    ///
    /// let mut tx = db.begin().await?;
    /// let id = tx.id().await?;
    /// tx.query("UPDATE accounts SET balance = 0").execute().await?;
    /// if let Err(error) = tx.commit().await {
    ///     match db.outcome(id).await? {
    ///         TxOutcome::Committed => println!("it took effect, and only the answer was lost"),
    ///         _ => return Err(error),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn outcome(&self, id: TxId) -> Result<TxOutcome> {
        crate::tx::outcome(self, id).await
    }

    /// Runs several operations side by side, at most `limit` of them at once: see [`Concurrent`].
    ///
    /// The limit is at least 1 and at most the size of the pool; another one is logged and brought within these.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.query("SELECT count(*) FROM users").fetch_val::<i64>();
    /// let oldest = db.query("SELECT max(age) FROM users").fetch_val::<Option<i32>>();
    /// let (users, oldest) = db.concurrent(2).all((users, oldest)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn concurrent(&self, limit: usize) -> Concurrent {
        Concurrent::new(limit, self.pool.max())
    }

    /// Lends the driver's own connection, for what pgrepo does not offer. It is closed afterwards. The types are those
    /// of sqlx 0.9, on which a program that uses them depends itself.
    ///
    /// # Errors
    /// No connection within the limit.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut raw = db.raw().await?;
    /// sqlx::query("SET work_mem = '1GB'").execute(&mut *raw).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn raw(&self) -> Result<RawConnection> {
        Ok(RawConnection::new(self.guard().await?))
    }
}
