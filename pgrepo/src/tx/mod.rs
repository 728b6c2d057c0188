//! Transactions: begun, committed and rolled back by pgrepo itself, and told truly.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sqlx::PgConnection;

use crate::copy::{CopyReport, copy_records};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{insert_json, query_json};
use crate::pool::driver;
use crate::pool::{Db, Guard, Session, Step, interrupted};
use crate::query::Query;
use crate::repository::Repository;
use crate::row::Row;
use crate::table::{PgTable, TableName};
use crate::value::Value;

/// A transaction. Everything run on it takes effect together when it is committed, or not at all.
///
/// Dropped without [`commit`](Self::commit) it is rolled back. An operation on it that is dropped before it ends leaves
/// the transaction unusable: what follows is an error, and the connection is closed.
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Tx {
    guard: Guard,
}

/// The server's number of a transaction, to ask for its outcome by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TxId(u64);

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TxId {
    type Err = Error;

    /// Reads what `Display` wrote, so that the number can be kept outside of the program.
    fn from_str(text: &str) -> Result<Self> {
        text.parse()
            .map(Self)
            .map_err(|e| Error::new(ErrorKind::Config, "this is no transaction's number").caused_by(e))
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TxOutcome {
    /// All of it took effect.
    Committed,
    /// None of it did.
    Aborted,
    /// It still runs.
    InProgress,
    /// It is so long ago that the server no longer knows.
    Unknown,
}

impl Tx {
    pub(crate) async fn begin(mut guard: Guard) -> Result<Self> {
        let mut step = guard.step();
        let begun = driver::simple(step.session(), "BEGIN").await;
        step.settle(begun).map_err(|e| e.during("begin"))?;
        guard.set_in_transaction(true);
        Ok(Self { guard })
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
    pub fn query<'q>(&mut self, sql: impl Into<Cow<'q, str>>) -> Query<'q, &mut Self> {
        Query::new(self, sql.into())
    }

    /// The everyday methods of a table, in this transaction.
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
    /// it, where a lost answer to COMMIT must not leave doubt; it costs a round trip.
    ///
    /// # Errors
    /// The server refused, as it does in an aborted transaction.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable.
    pub async fn id(&mut self) -> Result<TxId> {
        let (id,): (String,) = self.query("SELECT pg_catalog.pg_current_xact_id()::text").fetch_one().await?;
        id.parse()
            .map(TxId)
            .map_err(|e| Error::new(ErrorKind::Decode, "the transaction's id is no number").caused_by(e))
    }

    /// Lends the driver's own connection, which is closed instead of lent again when the transaction ends, however it does.
    ///
    /// Leave it at rest: what is begun on it and not ended (a COPY, a stream) spoils what the transaction does next, its
    /// commit included.
    ///
    /// # Errors
    /// An earlier operation was dropped before it ended.
    pub fn raw(&mut self) -> Result<&mut PgConnection> {
        if self.guard.is_dirty() {
            return Err(interrupted());
        }
        self.guard.condemn();
        Ok(self.guard.conn())
    }

    /// Commits: all of the transaction takes effect.
    ///
    /// The server sees `SAVEPOINT` and `COMMIT` in one message. A COMMIT alone is answered by a rollback in an aborted
    /// transaction, and by a mere warning where none is open any more, as after a ROLLBACK on the raw connection; the
    /// SAVEPOINT is refused in both.
    ///
    /// # Errors
    /// [`ErrorKind::Transaction`]: an earlier statement had failed, or a constraint that was deferred to the end was
    /// violated, and nothing took effect; or the connection broke before COMMIT was answered, and whether it took
    /// effect is unknown: [`Db::outcome`] tells.
    ///
    /// # Cancel safety
    /// Whether a dropped future's COMMIT takes effect is unknown: [`Db::outcome`] tells.
    pub async fn commit(mut self) -> Result<()> {
        let mut step = self.step().map_err(|e| e.during("commit"))?;
        match driver::simple(step.session(), "SAVEPOINT pgrepo_commit; COMMIT").await {
            Ok(_) => {
                step.done();
                self.end();
                Ok(())
            }
            Err(error) if driver::at_rest(&error) => {
                step.done();
                let message = "nothing of it took effect: the server rolled the transaction back";
                let refused = Error::new(ErrorKind::Transaction, message).caused_by(driver::error(error));
                // Should this fail, the connection is closed, which rolls back as well.
                let _closed = self.rollback().await;
                Err(refused.during("commit"))
            }
            Err(error) => {
                let message = "COMMIT was not answered, so whether it took effect is unknown; Db::outcome tells, by \
                               the id that Tx::id gave";
                Err(Error::new(ErrorKind::Transaction, message).caused_by(driver::error(error)).during("commit"))
            }
        }
    }

    /// Rolls back: nothing of the transaction takes effect.
    ///
    /// # Errors
    /// The connection broke, which rolls back as well.
    ///
    /// # Cancel safety
    /// A dropped future closes the connection, which rolls back.
    pub async fn rollback(mut self) -> Result<()> {
        let mut step = self.step().map_err(|e| e.during("rollback"))?;
        let ended = driver::simple(step.session(), "ROLLBACK").await;
        step.settle(ended).map_err(|e| e.during("rollback"))?;
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        self.guard.set_in_transaction(false);
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("interrupted", &self.guard.is_dirty()).finish_non_exhaustive()
    }
}

/// Asks what became of a transaction.
pub(crate) async fn outcome(db: &Db, id: TxId) -> Result<TxOutcome> {
    let (status,): (Option<String>,) = db
        .query("SELECT pg_catalog.pg_xact_status($1::text::xid8)")
        .bind(id.0.to_string())
        .fetch_one()
        .await
        .map_err(|e| e.during("outcome"))?;
    Ok(match status.as_deref() {
        Some("committed") => TxOutcome::Committed,
        Some("aborted") => TxOutcome::Aborted,
        Some("in progress") => TxOutcome::InProgress,
        _ => TxOutcome::Unknown,
    })
}
