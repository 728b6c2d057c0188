//! Transactions: begun, committed and rolled back by pgrepo itself, and told truly.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use sqlx::PgConnection;

use crate::copy::{CopyReport, copy_records};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{insert_json, query_json};
use crate::observe::{About, Operation, Subject};
use crate::pool::driver;
use crate::pool::{Db, Guard, Passing, Session, Step, interrupted};
use crate::query::Query;
use crate::repository::Repository;
use crate::row::Row;
use crate::table::{PgTable, TableName};
use crate::value::Value;

mod closure;
mod commit;
mod lock;
mod options;
mod outcome;
mod retry;
mod savepoint;
mod scope;
mod statements;

pub use closure::{TxFn, TxOnce};
pub(crate) use commit::resolve;
pub use lock::{AdvisoryKey, AdvisoryLock};
pub use options::{Isolation, TxOptions};
pub use outcome::{TxId, TxOutcome};
pub(crate) use outcome::{Unanswered, outcome};
pub use savepoint::Savepoint;
pub use scope::{Scope, Scoped};
pub use statements::Statement;

/// A transaction. Everything run on it takes effect together when it is committed, or not at all.
///
/// Dropped without [`commit`](Self::commit) it is rolled back. An operation on it that is dropped before it ends leaves
/// the transaction unusable: what follows is an error, and the connection is closed.
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Tx {
    guard: Guard,
    /// Where its outcome is asked for.
    db: Db,
    /// Its number, once it was asked for.
    id: Option<TxId>,
    read_only: bool,
    /// How many savepoints are open.
    depth: u32,
    /// The outermost of the savepoints that were dropped and are not rolled back yet.
    dropped: Option<u32>,
    /// Whether its connection was lent raw.
    raw: bool,
}

impl Tx {
    pub(crate) async fn begin(db: &Db, options: &TxOptions) -> Result<Self> {
        const OPERATION: &str = "begin";
        let sql = options.sql().map_err(|e| e.during(OPERATION))?;
        let mut guard = db.guard_once().await.map_err(|e| e.during(OPERATION))?;
        // What is refused behind BEGIN leaves a transaction that is to be rolled back.
        guard.set_in_transaction(true);
        let mut step = guard.step();
        let begun = driver::simple(step.session(), &sql).await;
        // Nothing was run in it yet, so whether it was begun makes no difference.
        let begun = step.settle(begun).map_err(|e| e.undone());
        let told = |error: Error| match &options.scope {
            Some(scope) => scope.refused(error).during(OPERATION),
            None => error.during(OPERATION),
        };
        let rows = begun.map_err(told)?;
        // A scope asks for what is missing; BEGIN alone gives no row.
        let missing = rows.first().map(|row| sqlx::Row::try_get::<Option<&str>, _>(row, 0)).transpose();
        if let Some(missing) = missing.map_err(|e| driver::error(e).during(OPERATION))?.flatten() {
            return Err(Scope::without(missing).during(OPERATION));
        }
        guard.session_mut().scope = options.scope.as_ref().map(Scope::place).unwrap_or_default();
        let read_only = options.read_only;
        Ok(Self { guard, db: db.clone(), id: None, read_only, depth: 0, dropped: None, raw: false })
    }

    /// The next operation is about to begin.
    pub(crate) async fn next_operation(&mut self) -> Result<()> {
        self.guard.next_operation();
        self.undo_dropped().await
    }

    /// What made it fail, if that may pass and nothing of it took effect.
    fn passing(&self) -> Option<Passing> {
        // What was done on the raw connection is not known.
        self.guard.passing().filter(|_| !self.raw)
    }

    /// What is said of its database.
    pub(crate) fn about(&self) -> &Arc<About> {
        self.db.about()
    }

    /// Begins an operation of the transaction as a whole, as it is told of.
    fn observe(&self, operation: &'static str) -> Operation {
        Operation::begin(self.about(), operation, Subject::default())
    }

    pub(crate) fn at_rest(&self) -> bool {
        !self.guard.is_dirty()
    }

    pub(crate) fn session(&self) -> &Session {
        self.guard.session()
    }

    pub(crate) fn step(&mut self) -> Result<Step<'_>> {
        if self.guard.is_dirty() {
            return Err(interrupted());
        }
        Ok(self.guard.step())
    }

    /// A statement of your own in this transaction: see [`Db::query`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// let users: i64 = tx.query("SELECT count(*) FROM users").fetch_val().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn query<'q>(&mut self, sql: impl Into<Cow<'q, str>>) -> Query<'q, &mut Self> {
        Query::new(self, sql.into())
    }

    /// The everyday methods of a table, in this transaction.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// let ann = tx.repository::<User>().insert(User { id: 1, name: "Ann".into(), age: None }).await?;
    /// tx.repository::<User>().delete(2).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn repository<T: PgTable>(&mut self) -> Repository<&mut Self, T> {
        Repository::new(self)
    }

    /// Runs statements without parameters, in this transaction: see [`Db::execute_script`].
    ///
    /// # Errors
    /// As [`Db::execute_script`].
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable, and nothing of it takes effect.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// tx.execute_script("SET LOCAL search_path = app; CREATE TABLE tags (name text PRIMARY KEY)").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute_script(&mut self, sql: &str) -> Result<()> {
        crate::query::script(self, sql).await
    }

    /// Loads rows of dynamic values by binary COPY, in this transaction: see [`Db::copy_records`].
    ///
    /// # Errors
    /// As [`Db::copy_records`]; what the transaction did before stands.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable, and nothing of it takes effect.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// use pgrepo::Value;
    /// let rows = [[Value::from("Ann"), Value::from(28)], [Value::from("Bo"), Value::Null]];
    /// tx.copy_records("users", &["name", "age"], rows).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_records<'t, R: AsRef<[Value]>>(
        &mut self,
        table: impl Into<TableName<'t>>,
        columns: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> Result<CopyReport> {
        copy_records(self, table.into(), columns, rows).await
    }

    /// Stores a document in a new row, in this transaction: see [`Db::insert_json`].
    ///
    /// # Errors
    /// As [`Db::insert_json`]. What the server refused leaves the transaction aborted.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable, and nothing of it takes effect.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// let ann = serde_json::json!({"name": "Ann"});
    /// tx.insert_json("user_profiles", "data", &ann, []).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_json<'t, 'c>(
        &mut self,
        table: impl Into<TableName<'t>>,
        column: &str,
        document: &(impl Serialize + ?Sized),
        others: impl IntoIterator<Item = (&'c str, Value)>,
    ) -> Result<u64> {
        insert_json(self, table.into(), column, document, others).await
    }

    /// Reads the rows whose document holds the value at the path, in this transaction: see [`Db::query_json`].
    ///
    /// # Errors
    /// As [`Db::query_json`]. What the server refused leaves the transaction aborted.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// let ann = tx.query_json("user_profiles", "data", "$.name", "Ann").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn query_json<'t>(
        &mut self,
        table: impl Into<TableName<'t>>,
        column: &str,
        path: &str,
        value: impl Serialize,
    ) -> Result<Vec<Row>> {
        query_json(self, table.into(), column, path, value).await
    }

    /// The transaction's number, by which [`Db::outcome`] tells what became of it. Ask for it before COMMIT, and keep
    /// it, where a lost answer to COMMIT must not leave doubt; it costs a round trip the first time. [`commit`](Self::commit)
    /// then finds out by itself what became of a COMMIT that was not answered.
    ///
    /// # Errors
    /// The server refused, as it does in an aborted transaction.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// let id = tx.id().await?;
    /// tx.query("DELETE FROM sessions").execute().await?;
    /// if tx.commit().await.is_err() {
    ///     println!("{:?}", db.outcome(id).await?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn id(&mut self) -> Result<TxId> {
        if let Some(id) = self.id {
            return Ok(id);
        }
        let sql = "SELECT pg_catalog.pg_current_xact_id()::text";
        let id: String = self.query(sql).named("id").fetch_val().await?;
        let id = id.parse().map_err(|e: Error| e.of_kind(ErrorKind::Decode).during("id"))?;
        self.id = Some(id);
        Ok(id)
    }

    /// Asks for the number, where it may come to matter.
    async fn know_id(&mut self) -> Result<()> {
        if self.id.is_some() || self.read_only {
            return Ok(());
        }
        self.undo_dropped().await?;
        let mut step = self.step()?;
        // That it has none yet does not say that it has no effect: a NOTIFY is given one by COMMIT. A standby has none to
        // give, and nothing on it takes effect.
        const SQL: &str =
            "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_xact_id()::text END";
        let asked = driver::simple(step.session(), SQL).await;
        let rows = step.settle(asked)?;
        let id = rows.first().and_then(|row| sqlx::Row::try_get::<Option<&str>, _>(row, 0).transpose()).transpose();
        match id.map_err(driver::error)? {
            Some(id) => self.id = Some(id.parse()?),
            None => self.read_only = true,
        }
        Ok(())
    }

    /// Lends the driver's own connection, which is closed instead of lent again when the transaction ends, however it does.
    ///
    /// It serves to run code that is written for sqlx in this transaction. A closure that takes it is not run again, since
    /// what was done on it is not known.
    ///
    /// Leave it at rest: what is begun on it and not ended (a COPY, a stream) spoils what the transaction does next, its
    /// commit included.
    ///
    /// # Errors
    /// An earlier operation was dropped before it ended; or a savepoint was dropped, and is rolled back with the next
    /// operation of pgrepo's only: roll it back yourself before.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> Result<(), Box<dyn std::error::Error>> {
    /// let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(tx.raw()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn raw(&mut self) -> Result<&mut PgConnection> {
        if self.guard.is_dirty() {
            return Err(interrupted());
        }
        if self.dropped.is_some() {
            let message = "a savepoint was dropped, and what was done on it is rolled back with the next operation of \
                           pgrepo's: call its rollback, so that nothing is left to be done";
            return Err(Error::new(ErrorKind::Transaction, message).during("raw"));
        }
        self.raw = true;
        self.guard.condemn();
        Ok(self.guard.conn())
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("interrupted", &self.guard.is_dirty()).finish_non_exhaustive()
    }
}
