//! Lists of statements that are run in one transaction.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::pin::pin;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::Operation;
use crate::pool::{Db, Param, interrupted};
use crate::query;
use crate::value::Encode;

use super::Tx;

/// A statement of your own with the values of its parameters, for [`Db::execute_all`] and [`Db::execute_each`].
///
/// # Examples
/// ```
/// use pgrepo::Statement;
///
/// let open = Statement::new("INSERT INTO accounts (owner, balance) VALUES ($1, $2)").bind("Ann").bind(1000_i64);
/// ```
pub struct Statement<'q> {
    sql: Cow<'q, str>,
    params: Vec<Box<Param<'q>>>,
}

impl<'q> Statement<'q> {
    /// A statement, with `$1`, `$2`, … for its values.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Statement;
    /// db.execute_all([Statement::new("DELETE FROM sessions"), Statement::new("DELETE FROM users")]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(sql: impl Into<Cow<'q, str>>) -> Self {
        Self { sql: sql.into(), params: Vec::new() }
    }

    /// Gives the next parameter, `$1` first, its value.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Statement;
    /// let rename = Statement::new("UPDATE users SET name = $1 WHERE id = $2").bind("Ann").bind(1_i64);
    /// db.execute_all([rename]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(mut self, value: impl Encode + Send + Sync + 'q) -> Self {
        self.params.push(Box::new(value));
        self
    }

    async fn execute(&self, tx: &mut Tx) -> Result<u64> {
        query::execute(tx, &self.sql, &self.params).await
    }
}

impl fmt::Debug for Statement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<_> = self.params.iter().map(|p| p.rust_type()).collect();
        f.debug_struct("Statement").field("sql", &self.sql).field("parameters", &types).finish()
    }
}

impl Db {
    /// Executes statements in one transaction, all or none, and returns how many rows each affected.
    ///
    /// They are run one after the other: a round trip each, and one each for BEGIN and COMMIT.
    ///
    /// # Errors
    /// That of the first statement that failed, which the message numbers from 1: none took effect. Else as
    /// [`Tx::commit`].
    ///
    /// # Cancel safety
    /// Dropped before COMMIT is sent, none takes effect; afterwards that is unknown.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Statement;
    /// let rows = db
    ///     .execute_all([
    ///         Statement::new("INSERT INTO accounts (owner, balance) VALUES ($1, $2)").bind(1).bind(1000_i64),
    ///         Statement::new("UPDATE users SET last_transaction = now() WHERE id = $1").bind(1),
    ///     ])
    ///     .await?;
    /// assert_eq!(rows, [1, 1]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute_all<'q, S: Borrow<Statement<'q>>>(
        &self,
        statements: impl IntoIterator<Item = S>,
    ) -> Result<Vec<u64>> {
        let executed = pin!(async {
            let mut tx = self.begin().await?;
            // An error drops the transaction, which rolls it back.
            let rows = tx.execute_all_in(statements).await?;
            tx.commit().await?;
            Ok(rows)
        });
        Operation::around(self.about(), "execute_all").watch(executed).await
    }

    /// Executes statements in one transaction, each under a savepoint: one that fails is undone by itself, and the others
    /// take effect. Returns what became of each, the rows that it affected or its error, in their order.
    ///
    /// They are run one after the other, two round trips each.
    ///
    /// # Errors
    /// The connection broke, or as [`Tx::commit`]: none took effect, or that is unknown.
    ///
    /// # Cancel safety
    /// As [`execute_all`](Self::execute_all).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Statement;
    /// let names = ["Ann", "Bo", "Ann"];
    /// let outcomes = db
    ///     .execute_each(names.map(|name| Statement::new("INSERT INTO users (name) VALUES ($1)").bind(name)))
    ///     .await?;
    /// for (name, outcome) in names.iter().zip(outcomes) {
    ///     match outcome {
    ///         Ok(_) => println!("{name} is new"),
    ///         Err(error) if error.is_unique_violation() => println!("{name} was there"),
    ///         Err(error) => println!("{name}: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute_each<'q, S: Borrow<Statement<'q>>>(
        &self,
        statements: impl IntoIterator<Item = S>,
    ) -> Result<Vec<Result<u64>>> {
        let executed = pin!(async {
            let mut tx = self.begin().await?;
            let outcomes = tx.execute_each_in(statements).await?;
            tx.commit().await?;
            Ok(outcomes)
        });
        Operation::around(self.about(), "execute_each").watch(executed).await
    }
}

impl Tx {
    /// Executes statements in this transaction, and returns how many rows each affected: see [`Db::execute_all`].
    ///
    /// # Errors
    /// That of the first statement that failed, which the message numbers from 1, and which aborts the transaction.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable, and nothing of it takes effect.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// use pgrepo::Statement;
    /// let delete = |id: i64| Statement::new("DELETE FROM users WHERE id = $1").bind(id);
    /// assert_eq!(tx.execute_all([delete(1), delete(2)]).await?.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute_all<'q, S: Borrow<Statement<'q>>>(
        &mut self,
        statements: impl IntoIterator<Item = S>,
    ) -> Result<Vec<u64>> {
        let operation = Operation::around(self.about(), "execute_all");
        operation.watch(pin!(self.execute_all_in(statements))).await
    }

    async fn execute_all_in<'q, S: Borrow<Statement<'q>>>(
        &mut self,
        statements: impl IntoIterator<Item = S>,
    ) -> Result<Vec<u64>> {
        let mut rows = Vec::new();
        let statements: Vec<S> = statements.into_iter().collect();
        for statement in &statements {
            let executed = statement.borrow().execute(self).await;
            rows.push(executed.map_err(|error| {
                let message =
                    format!("statement {} of {} failed, so none takes effect", rows.len() + 1, statements.len());
                Error::new(error.kind(), message).caused_by(error).during("execute_all")
            })?);
        }
        Ok(rows)
    }

    /// Executes statements in this transaction, each under a savepoint, and returns what became of each: see
    /// [`Db::execute_each`].
    ///
    /// # Errors
    /// The connection broke, or the transaction was aborted before.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unusable, and nothing of it takes effect.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(tx: &mut pgrepo::Tx) -> pgrepo::Result<()> {
    /// use pgrepo::Statement;
    /// let insert = |id: i64| Statement::new("INSERT INTO users (id) VALUES ($1)").bind(id);
    /// for (id, outcome) in (1..).zip(tx.execute_each([insert(1), insert(2)]).await?) {
    ///     println!("{id}: {outcome:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute_each<'q, S: Borrow<Statement<'q>>>(
        &mut self,
        statements: impl IntoIterator<Item = S>,
    ) -> Result<Vec<Result<u64>>> {
        let operation = Operation::around(self.about(), "execute_each");
        operation.watch(pin!(self.execute_each_in(statements))).await
    }

    async fn execute_each_in<'q, S: Borrow<Statement<'q>>>(
        &mut self,
        statements: impl IntoIterator<Item = S>,
    ) -> Result<Vec<Result<u64>>> {
        let mut outcomes = Vec::new();
        let statements: Vec<S> = statements.into_iter().collect();
        if statements.is_empty() {
            return Ok(outcomes);
        }
        let mut savepoint = self.begin_savepoint().await?;
        for statement in &statements {
            let outcome = statement.borrow().execute(&mut savepoint).await;
            if !savepoint.at_rest() {
                outcome?;
                return Err(interrupted().during("execute_each"));
            }
            let kept = outcome.is_ok();
            outcomes.push(outcome);
            savepoint.again(kept).await.map_err(|error| {
                let message = "a savepoint was refused, so none of the statements takes effect";
                Error::new(ErrorKind::Transaction, message).caused_by(error).during("execute_each")
            })?;
        }
        savepoint.release().await?;
        Ok(outcomes)
    }
}
