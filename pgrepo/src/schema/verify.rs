//! Structs against a live database.

use crate::error::Result;
use crate::pool::{Db, Handle};
use crate::table::{PgTable, TableMeta, TableName};
use crate::tx::Tx;

use super::contract::Contract;
#[cfg(feature = "registry")]
use super::registry;
use super::shape::TableShape;

/// Compares a struct with its table: what [`Db::verify`] calls, for code that serves databases and transactions.
///
/// # Errors
/// As [`Db::verify`].
///
/// # Examples
/// ```no_run
/// use pgrepo::{Contract, Handle, PgTable, Result};
///
/// async fn fits<T: PgTable>(on: impl Handle) -> Result<bool> {
///     Ok(pgrepo::verify::<T>(on).await?.is_ok())
/// }
/// ```
pub async fn verify<T: PgTable + ?Sized>(on: impl Handle) -> Result<Contract> {
    one(on, &T::TABLE).await
}

async fn one(on: impl Handle, meta: &TableMeta) -> Result<Contract> {
    let shape = fetch(on, meta).await?;
    Ok(Contract::of(meta, shape.as_ref()))
}

pub(super) async fn fetch(on: impl Handle, meta: &TableMeta) -> Result<Option<TableShape>> {
    let table = TableName { schema: meta.schema, name: meta.name };
    TableShape::fetch(on, table).await.map_err(|error| error.during("verify"))
}

/// Compares several structs, one after the other.
#[doc(hidden)]
pub async fn verify_tables(mut on: impl Handle, tables: &[TableMeta]) -> Result<Vec<Contract>> {
    let mut all = Vec::with_capacity(tables.len());
    for meta in tables {
        all.push(one(on.reborrow(), meta).await?);
    }
    Ok(all)
}

/// Compares all structs of the program.
#[cfg(feature = "registry")]
#[doc(hidden)]
pub async fn verify_all(on: impl Handle) -> Result<Vec<Contract>> {
    verify_tables(on, &registry::all()).await
}

impl Db {
    /// Compares a struct with its table as it is now, and says what differs, what that breaks, and which DDL mends it.
    ///
    /// The server sees one query of its catalog: no lock is taken, and no right on the table is needed. Without a schema
    /// the session's `search_path` decides, as for any other statement: to compare a schema of a tenant's, verify in a
    /// [scope](Db::scope) that names it. A load compares the columns again under its lock,
    /// by the same rules.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection) and the like: the database could not be asked. That
    /// the table does not fit is no error; [`Contract::into_result`] makes it one.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example() -> pgrepo::Result<()> {
    /// let db = Db::from_env().await?;
    /// db.verify::<User>().await?.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn verify<T: PgTable + ?Sized>(&self) -> Result<Contract> {
        verify::<T>(self).await
    }
}

impl Tx {
    /// [`Db::verify`] as this transaction sees its tables, with the DDL that it has run.
    ///
    /// # Errors
    /// As [`Db::verify`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// tx.execute_script(&pgrepo::create_table_sql::<User>()).await?;
    /// assert!(tx.verify::<User>().await?.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn verify<T: PgTable + ?Sized>(&mut self) -> Result<Contract> {
        verify::<T>(self).await
    }
}

/// Compares all derived tables of the program with a database, or those that are named: a `Vec` of [`Contract`]s.
///
/// `verify_all!(&db).await?` takes all that the program links, also those inside functions and of its libraries, in the
/// order of the tables' names (feature `registry`). Structs with a type parameter are not among them, since each of their
/// types is a table's; a lifetime is no obstacle. `verify_all!(&db, User, Order).await?` takes these, and needs no feature.
///
/// # Examples
/// ```no_run
/// # use pgrepo::{Db, PgTable};
/// # #[derive(PgTable)]
/// # #[pg(table = "users")]
/// # struct User { email: String }
/// # #[derive(PgTable)]
/// # #[pg(table = "orders")]
/// # struct Order { id: i64 }
/// # async fn example(db: &Db) -> pgrepo::Result<()> {
/// for contract in pgrepo::verify_all!(db, User, Order).await? {
///     contract.into_result()?;
/// }
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "registry")]
#[macro_export]
macro_rules! verify_all {
    ($on:expr $(,)?) => { $crate::__private::verify_all($on) };
    ($on:expr, $($table:ty),+ $(,)?) => {
        $crate::__private::verify_tables($on, &[$(<$table as $crate::PgTable>::TABLE),+])
    };
}

/// Compares derived tables that are named with a database: a `Vec` of [`Contract`]s. With the feature `registry`,
/// `verify_all!(&db)` takes all of the program.
///
/// # Examples
/// ```no_run
/// # use pgrepo::{Db, PgTable};
/// # #[derive(PgTable)]
/// # #[pg(table = "users")]
/// # struct User { email: String }
/// # async fn example(db: &Db) -> pgrepo::Result<()> {
/// for contract in pgrepo::verify_all!(db, User).await? {
///     contract.into_result()?;
/// }
/// # Ok(())
/// # }
/// ```
#[cfg(not(feature = "registry"))]
#[macro_export]
macro_rules! verify_all {
    ($on:expr $(,)?) => {
        ::core::compile_error!("verify_all! of all derived tables needs pgrepo's feature `registry`; or name them: verify_all!(db, User, Order)")
    };
    ($on:expr, $($table:ty),+ $(,)?) => {
        $crate::__private::verify_tables($on, &[$(<$table as $crate::PgTable>::TABLE),+])
    };
}
