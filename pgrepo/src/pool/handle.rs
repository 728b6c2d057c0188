use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::{About, Operation, Subject};
use crate::table::TableName;
use crate::tx::Tx;

use super::db::Db;
use super::guard::Lease;

/// What queries, loads and repositories run on: `&Db`, each operation by itself, or `&mut Tx`, all in one transaction.
///
/// Write `fn store(on: impl Handle, …)` for code that serves both.
///
/// # Examples
/// ```no_run
/// use pgrepo::{Handle, Repository, Result};
/// # #[derive(pgrepo::PgTable)]
/// # #[pg(table = "t")]
/// # struct Line { #[pg(primary_key)] id: i32 }
///
/// async fn replace(mut on: impl Handle, lines: &[Line]) -> Result<u64> {
///     pgrepo::query(on.reborrow(), "DELETE FROM t").execute().await?;
///     let report = Repository::<_, Line>::new(on).copy_in(lines).await?;
///     Ok(report.rows)
/// }
/// ```
pub trait Handle: sealed::Lend {
    /// The same for one operation more: every operation takes its handle by value.
    fn reborrow(&mut self) -> impl Handle;
}

impl Handle for &Db {
    fn reborrow(&mut self) -> impl Handle {
        *self
    }
}

impl Handle for &mut Tx {
    fn reborrow(&mut self) -> impl Handle {
        &mut **self
    }
}

/// A database or a transaction, with another schema for the tables of the structs that it is asked for: what
/// [`Repository::in_schema`](crate::Repository::in_schema) runs on.
#[derive(Debug, Clone, Copy)]
pub struct InSchema<'a, H> {
    on: H,
    schema: &'a str,
}

impl<'a, H: Handle> InSchema<'a, H> {
    pub(crate) fn new(on: H, schema: &'a str) -> Self {
        Self { on, schema }
    }
}

impl<H: Handle> Handle for InSchema<'_, H> {
    fn reborrow(&mut self) -> impl Handle {
        InSchema { on: self.on.reborrow(), schema: self.schema }
    }
}

#[allow(private_interfaces, private_bounds, reason = "sealed: nobody outside can name or implement it")]
mod sealed {
    use super::*;

    /// Lends a connection for one operation.
    pub trait Lend: Send + Sized {
        /// Whether what runs on it runs in a transaction that goes on afterwards.
        #[doc(hidden)]
        const IN_TRANSACTION: bool;

        /// The schema that is named at run time.
        #[doc(hidden)]
        fn schema(&self) -> Option<&str> {
            None
        }

        /// What is said of the database.
        #[doc(hidden)]
        fn about(&self) -> &Arc<About>;

        /// Begins an operation, as it is told of.
        #[doc(hidden)]
        fn observe(&self, operation: &'static str, subject: Subject<'_>) -> Operation {
            Operation::begin(self.about(), operation, subject)
        }

        // Not an async function: the future of one whose lifetime is a parameter is not known to be `Send` where the
        // caller's future is spawned (rust-lang/rust#100013).
        #[doc(hidden)]
        fn lend<'t>(self) -> Lender<'t>
        where
            Self: 't;
    }

    impl Lend for &Db {
        const IN_TRANSACTION: bool = false;

        fn about(&self) -> &Arc<About> {
            Db::about(self)
        }

        fn lend<'t>(self) -> Lender<'t>
        where
            Self: 't,
        {
            Lender::Db(self)
        }
    }

    impl Lend for &mut Tx {
        const IN_TRANSACTION: bool = true;

        fn about(&self) -> &Arc<About> {
            Tx::about(self)
        }

        fn lend<'t>(self) -> Lender<'t>
        where
            Self: 't,
        {
            Lender::Tx(self)
        }
    }

    impl<H: Handle> Lend for InSchema<'_, H> {
        const IN_TRANSACTION: bool = H::IN_TRANSACTION;

        fn schema(&self) -> Option<&str> {
            Some(self.schema)
        }

        fn about(&self) -> &Arc<About> {
            self.on.about()
        }

        fn lend<'t>(self) -> Lender<'t>
        where
            Self: 't,
        {
            match TableName::from((self.schema, "t")).problem() {
                Some(problem) => Lender::Refused(Error::new(ErrorKind::Mismatch, problem)),
                None => self.on.lend(),
            }
        }
    }
}

/// Whom a connection is lent by.
pub(crate) enum Lender<'t> {
    Db(&'t Db),
    Tx(&'t mut Tx),
    /// Nobody: what was asked for cannot be.
    Refused(Error),
}

impl<'t> Lender<'t> {
    /// The database, where an operation on it is a transaction of its own.
    pub(crate) fn db(&self) -> Option<&'t Db> {
        match self {
            Self::Db(db) => Some(db),
            Self::Tx(_) | Self::Refused(_) => None,
        }
    }

    pub(crate) async fn lease(self) -> Result<Lease<'t>> {
        match self {
            Self::Db(db) => db.guard().await.map(Lease::Pooled),
            Self::Tx(tx) => {
                tx.next_operation().await?;
                Ok(Lease::Tx(tx))
            }
            Self::Refused(error) => Err(error),
        }
    }
}

/// Nothing to run on: for tests of what statements say.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nowhere;

#[cfg(test)]
impl Handle for Nowhere {
    fn reborrow(&mut self) -> impl Handle {
        *self
    }
}

#[cfg(test)]
impl sealed::Lend for Nowhere {
    const IN_TRANSACTION: bool = true;

    fn about(&self) -> &Arc<About> {
        static ABOUT: std::sync::LazyLock<Arc<About>> = std::sync::LazyLock::new(|| About::new("", 0, "", false));
        &ABOUT
    }

    fn lend<'t>(self) -> Lender<'t>
    where
        Self: 't,
    {
        Lender::Refused(Error::new(ErrorKind::Connection, "there is no server"))
    }
}
