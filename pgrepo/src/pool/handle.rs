use crate::error::Result;
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

#[allow(private_interfaces, private_bounds, reason = "sealed: nobody outside can name or implement it")]
mod sealed {
    use super::*;

    /// Lends a connection for one operation.
    pub trait Lend: Send + Sized {
        /// Whether what runs on it runs in a transaction that goes on afterwards.
        #[doc(hidden)]
        const IN_TRANSACTION: bool;

        // Not an async function: the future of one whose lifetime is a parameter is not known to be `Send` where the
        // caller's future is spawned (rust-lang/rust#100013).
        #[doc(hidden)]
        fn lend<'t>(self) -> Lender<'t>
        where
            Self: 't;
    }

    impl Lend for &Db {
        const IN_TRANSACTION: bool = false;

        fn lend<'t>(self) -> Lender<'t>
        where
            Self: 't,
        {
            Lender::Db(self)
        }
    }

    impl Lend for &mut Tx {
        const IN_TRANSACTION: bool = true;

        fn lend<'t>(self) -> Lender<'t>
        where
            Self: 't,
        {
            Lender::Tx(self)
        }
    }
}

/// Whom a connection is lent by.
pub(crate) enum Lender<'t> {
    Db(&'t Db),
    Tx(&'t mut Tx),
}

impl<'t> Lender<'t> {
    pub(crate) async fn lease(self) -> Result<Lease<'t>> {
        match self {
            Self::Db(db) => db.guard().await.map(Lease::Pooled),
            Self::Tx(tx) => Ok(Lease::Tx(tx)),
        }
    }
}
