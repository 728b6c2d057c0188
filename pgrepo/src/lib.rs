//! Typed rows in and out of PostgreSQL.

pub mod copy;
pub mod table;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod value;

#[doc(hidden)]
pub mod __private;

pub use table::{
    Arg, CanWrite, Cells, Column, ColumnMeta, CopyOut, Embedded, FieldError, FieldWriter, Fields, FromRow, KeyArg,
    Name, OwnedRow, PgTable, PrimaryKey, Record, Set, Spec, TableMeta, WriteFields, WriteRow,
};
pub use value::{Decode, Encode, PgType, SqlType, TypeInfo, ValueError};
