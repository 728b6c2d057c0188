use std::fmt::Write;

use crate::error::{Error, ErrorKind, Result};
use crate::retry::RetryConfig;

use super::scope::Scope;

/// How a transaction is begun, and whether its closure may run again.
///
/// # Examples
/// ```
/// use pgrepo::{Isolation, TxOptions};
///
/// let report = TxOptions::default().isolation(Isolation::Serializable).read_only().deferrable();
/// assert!(report.read_only && report.deferrable);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TxOptions {
    /// What it sees of others. Default: what the server's `default_transaction_isolation` says, as a rule read committed.
    pub isolation: Option<Isolation>,
    /// The server refuses its writes. Default: what its `default_transaction_read_only` says, as a rule that it may write.
    pub read_only: bool,
    /// Waits at its begin until it can neither fail by a serialization failure nor be the reason of one. For
    /// [`Isolation::Serializable`] and `read_only` only. Default: it does not wait.
    pub deferrable: bool,
    /// How often the closure of [`Db::transaction_with`](crate::Db::transaction_with) is run, and how long is waited in
    /// between. Default: what [`DbConfig::retry`](crate::DbConfig::retry) says. [`Db::begin_with`](crate::Db::begin_with)
    /// runs nothing again.
    pub retry: Option<RetryConfig>,
    /// As whom, in which schemas and with which settings it runs: see [`Db::scope`](crate::Db::scope). Default: as the
    /// connection is.
    pub scope: Option<Scope>,
}

/// What a transaction sees of others (<https://www.postgresql.org/docs/current/transaction-iso.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Each statement sees what was committed before it began.
    ReadCommitted,
    /// All statements see what was committed before the first one; a row that somebody else changed since cannot be
    /// changed (SQLSTATE 40001).
    RepeatableRead,
    /// As if transactions ran one after the other; one that would not fit is rolled back (SQLSTATE 40001), at its
    /// COMMIT at the latest.
    Serializable,
}

impl Isolation {
    fn sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

impl TxOptions {
    /// Sees of others what this level lets it.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Isolation, TxOptions};
    /// let options = TxOptions::default().isolation(Isolation::Serializable);
    /// ```
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = Some(isolation);
        self
    }

    /// Has the server refuse writes.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::TxOptions;
    /// let mut tx = db.begin_with(TxOptions::default().read_only()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Waits at its begin until no serialization failure can come.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::{Isolation, TxOptions};
    /// // A report of one moment that neither fails nor makes others fail.
    /// let options = TxOptions::default().isolation(Isolation::Serializable).read_only().deferrable();
    /// let mut tx = db.begin_with(options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn deferrable(mut self) -> Self {
        self.deferrable = true;
        self
    }

    /// Runs the closure so often at most, and waits so long in between.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{RetryConfig, TxOptions};
    /// let options = TxOptions::default().retry(RetryConfig::off());
    /// ```
    pub fn retry(mut self, retry: RetryConfig) -> Self {
        self.retry = Some(retry);
        self
    }

    /// The statements that begin such a transaction.
    pub(super) fn sql(&self) -> Result<String> {
        let mut sql = "BEGIN".to_owned();
        if let Some(isolation) = self.isolation {
            let _never = write!(sql, " ISOLATION LEVEL {}", isolation.sql());
        }
        if self.read_only {
            sql.push_str(" READ ONLY");
        }
        if self.deferrable {
            if !self.read_only || self.isolation != Some(Isolation::Serializable) {
                let message = "TxOptions::deferrable is for a serializable, read only transaction, and in another one the \
                               server would ignore it: set isolation and read_only as well, or leave it out";
                return Err(Error::new(ErrorKind::Config, message));
            }
            sql.push_str(" DEFERRABLE");
        }
        if let Some(scope) = &self.scope {
            sql.push_str(&scope.sql()?);
        }
        Ok(sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_begin_says_what_was_asked_for() {
        let sql = |options: TxOptions| options.sql().unwrap();
        assert_eq!(sql(TxOptions::default()), "BEGIN");
        assert_eq!(
            sql(TxOptions::default().isolation(Isolation::ReadCommitted)),
            "BEGIN ISOLATION LEVEL READ COMMITTED"
        );
        assert_eq!(sql(TxOptions::default().read_only()), "BEGIN READ ONLY");
        let all = TxOptions::default().isolation(Isolation::Serializable).read_only().deferrable();
        assert_eq!(sql(all), "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE");
    }

    #[test]
    fn deferrable_where_the_server_would_ignore_it_is_refused() {
        let deferrable = TxOptions::default().deferrable();
        for options in [
            deferrable.clone(),
            deferrable.clone().read_only(),
            deferrable.clone().isolation(Isolation::Serializable),
            deferrable.read_only().isolation(Isolation::RepeatableRead),
        ] {
            assert_eq!(options.sql().unwrap_err().kind(), ErrorKind::Config, "{options:?}");
        }
    }
}
