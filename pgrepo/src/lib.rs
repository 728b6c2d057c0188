//! Typed rows in and out of PostgreSQL.

pub mod copy;
mod driver_row;
pub mod table;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod value;

#[doc(hidden)]
pub mod __private;

pub use pgrepo_macros::{PgRecord, PgTable};
pub use table::{
    Arg, CanWrite, Cells, Column, ColumnMeta, CopyOut, Embedded, FieldError, FieldWriter, Fields, FromRow, KeyArg,
    Name, OwnedRow, PgTable, PrimaryKey, Record, Set, Spec, TableMeta, WriteFields, WriteRow,
};
pub use value::{Decode, Encode, PgType, SqlType, TypeInfo, ValueError};
