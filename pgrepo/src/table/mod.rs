//! What a derived struct says about its table: names, columns, statements, and how its fields are walked.
//!
//! Nothing here knows a driver or a runtime.

mod by_key;
mod column;
mod constraint;
#[doc(hidden)]
pub mod declared;
mod described;
#[doc(hidden)]
pub mod expand;
#[doc(hidden)]
pub mod field;
#[doc(hidden)]
pub mod insert;
mod meta;
mod name;
#[doc(hidden)]
pub mod optional;
mod place;
#[doc(hidden)]
pub mod problem;
#[doc(hidden)]
pub mod projection;
mod row;
mod spec;
#[doc(hidden)]
pub mod sql;
mod tuple;
#[doc(hidden)]
pub mod unique;
#[doc(hidden)]
pub mod wrapped;

pub use by_key::ByKey;
pub use column::{Arg, CanWrite, Column, Embedded, KeyArg, OfView, ServerMade, Writable, Writes};
pub use constraint::Constraints;
pub use declared::{ConstraintMeta, ConstraintMetaKind, IndexMeta};
pub(crate) use described::{Description, Made, Misfit, RowType, TableColumn};
pub use meta::{ColumnMeta, TableMeta, TableName};
pub(crate) use name::{MAX_IDENTIFIER, literal};
pub use name::{Name, quote_ident};
pub(crate) use place::Place;
pub use projection::Projection;
pub use row::{Cells, CopyOut, FieldError, FieldWriter, Fields, FromRow, OwnedRow, Set, WriteFields, WriteRow};
pub use spec::Spec;
pub use tuple::FromCell;
pub use unique::{ConflictTarget, Unique};

/// A struct whose fields are columns: what `#[derive(PgTable)]` and `#[derive(PgRecord)]` write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no columns",
    label = "not a struct of columns",
    note = "derive PgRecord for a struct that is embedded, and PgTable for one that stands for a table"
)]
pub trait Record {
    /// Names and marks of the columns, in the order of the fields, embedded structs laid flat.
    const SPECS: &'static [Spec];
    /// The same with what the fields' types say.
    const COLUMNS: &'static [ColumnMeta];
}

/// A struct that stands for a table or a view; written by `#[derive(PgTable)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not stand for a table",
    label = "not a table's struct",
    note = "derive it: #[derive(pgrepo::PgTable)] #[pg(table = \"…\")]"
)]
pub trait PgTable: Record {
    /// The table's name, schema and columns.
    const TABLE: TableMeta;
    /// `SELECT` of all columns, from the table, without a condition.
    const SELECT: &'static str;
    /// Binary `COPY … FROM STDIN` of all columns but the generated ones and those of identity.
    const COPY_IN: &'static str;
    /// Binary `COPY (SELECT …) TO STDOUT` of all columns.
    const COPY_OUT: &'static str;
}

/// A table's struct with a primary key of one or more columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no primary key, so a row cannot be asked for by key",
    label = "no field is marked as the key",
    note = "mark the key's field or fields with #[pg(primary_key)]"
)]
pub trait PrimaryKey: PgTable {
    /// The key field's type, or a tuple of them in the order of the fields.
    type Key;
    /// `SELECT` of all columns for one key, its columns bound as `$1`, `$2`, ….
    const SELECT_BY_KEY: &'static str;
    /// `DELETE` of the row with one key.
    const DELETE_BY_KEY: &'static str;
}
