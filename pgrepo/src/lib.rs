//! Typed rows in and out of PostgreSQL.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test's failure is its message"))]

pub mod config;
pub mod copy;
mod driver_row;
pub mod error;
mod pool;
mod query;
mod repository;
mod row;
mod stream;
pub mod table;
#[cfg(all(feature = "testkit", unix))]
pub mod testkit;
mod tx;
pub mod value;

#[doc(hidden)]
pub mod __private;

#[cfg(all(feature = "testkit", unix))]
pub use pgrepo_macros::test;

pub use config::DbConfig;
pub use copy::{CopyIn, CopyInOptions, CopyOutStream, CopyReport};
pub use error::{Error, ErrorKind, Result, ServerError, SqlClass, SqlState};
pub use pgrepo_macros::{PgRecord, PgTable};
pub use pool::{Db, Handle, RawConnection};
pub use query::{Assignment, Filter, Find, Query, Sort};
pub use repository::Repository;
pub use row::Row;
pub use stream::RowStream;
pub use table::{
    Arg, CanWrite, Cells, Column, ColumnMeta, CopyOut, Embedded, FieldError, FieldWriter, Fields, FromCell, FromRow,
    KeyArg, Name, OwnedRow, PgTable, PrimaryKey, Record, Set, Spec, TableMeta, TableName, WriteFields, WriteRow,
};
pub use tx::{Tx, TxId, TxOutcome};
#[cfg(feature = "chrono")]
pub use value::Infinite;
pub use value::{
    Decode, Element, Encode, Hstore, Json, Numeric, PgType, SqlType, TypeInfo, TypeKind, Value, ValueError,
    ValueErrorKind,
};
