//! Typed rows in and out of PostgreSQL.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test's failure is its message"))]

pub mod copy;
pub mod table;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod value;

#[doc(hidden)]
pub mod __private;

pub use table::{
    Arg, CanWrite, Cells, Column, ColumnMeta, CopyOut, Embedded, FieldError, FieldWriter, Fields, FromCell, FromRow,
    KeyArg, Name, OwnedRow, PgTable, PrimaryKey, Record, Set, Spec, TableMeta, WriteFields, WriteRow,
};
#[cfg(feature = "chrono")]
pub use value::Infinite;
pub use value::{
    Decode, Element, Encode, Hstore, Json, Numeric, PgType, SqlType, TypeInfo, TypeKind, Value, ValueError,
    ValueErrorKind,
};
