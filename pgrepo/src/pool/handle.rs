use crate::error::Result;
use crate::tx::Tx;

use super::db::Db;
use super::guard::Lease;

/// What queries, loads and repositories run on: `&Db`, each operation by itself, or `&mut Tx`, all in one transaction.
///
/// Write `fn store(on: impl Handle, …)` for code that serves both.
pub trait Handle: sealed::Lend {}

impl Handle for &Db {}
impl Handle for &mut Tx {}

#[allow(private_interfaces, private_bounds, reason = "sealed: nobody outside can name or implement it")]
mod sealed {
    use super::*;

    /// Lends a connection for one operation.
    pub trait Lend: Send + Sized {
        #[doc(hidden)]
        fn lease<'t>(self) -> impl Future<Output = Result<Lease<'t>>> + Send
        where
            Self: 't;
    }

    impl Lend for &Db {
        async fn lease<'t>(self) -> Result<Lease<'t>>
        where
            Self: 't,
        {
            self.guard().await.map(Lease::Pooled)
        }
    }

    impl Lend for &mut Tx {
        async fn lease<'t>(self) -> Result<Lease<'t>>
        where
            Self: 't,
        {
            Ok(Lease::Tx(self))
        }
    }
}
