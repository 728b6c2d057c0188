//! What generated code names; not a part of the API.

pub use core::default::Default;
pub use core::option::Option;
pub use core::option::Option::{None, Some};
pub use core::primitive::{bool, i16, i32, i64, str, u8, usize};
pub use core::result::Result;
pub use core::result::Result::{Err, Ok};
pub use core::str::from_utf8;
pub use std::string::String;
pub use std::vec::Vec;

pub use crate::schema::verify_tables;
#[cfg(feature = "registry")]
pub use crate::schema::{Registered, verify_all};
#[cfg(feature = "registry")]
pub use inventory;

pub use serde_json::Value as JsonValue;

pub use sqlx;
pub use sqlx::postgres::PgRow;

pub use crate::__message as message;
pub use crate::__register as register;
pub use crate::__statement as statement;
pub use crate::driver_row::{from_pg_row, from_pg_rows};
pub use crate::json;
pub use crate::json::{document_index, path_index};
pub use crate::query::{Assignment, Changes, change};
pub use crate::query::{HasMinMax, IsText, IsTextFor};
pub use crate::table::declared::{column_index, index_list, written_index};
pub use crate::table::expand::{Template, expand};
pub use crate::table::field::{CopyOutFor, Field, Flat, Unfit, UnfitRecord, count, declared, kept, skipped};
pub use crate::table::insert::insert_column;
pub use crate::table::optional::{AbsentByKey, OptionalByKey, OptionalByMarker, WrittenFor};
pub use crate::table::problem::{Problem, Undeclared, blames, misplaced, problem, undeclared};
pub use crate::table::projection::{Misprojected, misprojected, unprojected};
pub use crate::table::sql::{self, Layout, Part};
pub use crate::table::unique::{has_column, version};
pub use crate::table::wrapped::{
    DriverField, DriverOption, JsonField, JsonOption, KeptAsJson, ReadFromJson, driver_column, json_column,
};
pub use crate::table::{
    Cells, Column, ColumnMeta, ConstraintMeta, ConstraintMetaKind, Constraints, CopyOut, Embedded, FieldError,
    FieldWriter, Fields, FromRow, Name, OfView, PgTable, PrimaryKey, Projection, Record, ServerMade, Set, Spec,
    TableMeta, Unique, Writable, WriteFields, WriteRow,
};
pub use crate::value::derived::{ElementFor, TypeOf, UnfitType, first, unknown_label, unknown_number, with_domain};
pub use crate::value::{Decode, Element, Encode, Json, PgType, SqlType, TypeDefinition, TypeInfo, ValueError};
pub use crate::via_sqlx::{DriverRead, DriverType, DriverWrite, ViaSqlx};
