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
mod via_sqlx;

#[doc(hidden)]
pub mod __private;

#[cfg(all(feature = "testkit", unix))]
pub use pgrepo_macros::test;

pub use config::DbConfig;
pub use copy::{CopyIn, CopyInOptions, CopyOutStream, CopyReport};
pub use error::{Error, ErrorKind, Result, ServerError, SqlClass, SqlState};
/// An enum that is a value of a column.
///
/// # Examples
/// ```
/// use pgrepo::{PgEnum, SqlType};
///
/// #[derive(PgEnum)]
/// #[pg(name = "mood", rename_all = "lowercase")]
/// enum Mood {
///     Sad,
///     Happy,
/// }
/// assert_eq!(Mood::TYPES[0].name, "mood");
///
/// #[derive(PgEnum)]
/// #[pg(repr = "int2")]
/// enum Priority {
///     Low = 1,
///     High = 10,
/// }
/// assert_eq!(Priority::TYPES[0].name, "int2");
/// ```
#[doc(inline)]
pub use pgrepo_macros::PgEnum;
/// A row for some columns of a table.
///
/// # Examples
/// ```
/// use pgrepo::{PgInsert, PgTable, WriteFields};
///
/// #[derive(PgTable)]
/// #[pg(table = "users")]
/// struct User {
///     #[pg(primary_key, identity)]
///     id: i64,
///     name: String,
///     motto: Option<String>,
/// }
///
/// #[derive(PgInsert)]
/// #[pg(of = User)]
/// struct NamedUser<'a> {
///     name: &'a str,
/// }
/// assert_eq!(<NamedUser<'_> as WriteFields>::COLUMNS.len(), 1);
/// ```
#[doc(inline)]
pub use pgrepo_macros::PgInsert;
/// A struct of one field that stands in a column as that field.
///
/// # Examples
/// ```
/// use pgrepo::{PgNewtype, SqlType};
///
/// #[derive(PgNewtype)]
/// struct UserId(i64);
/// assert_eq!(UserId::TYPES[0].name, "int8");
///
/// #[derive(PgNewtype)]
/// #[pg(domain = "email")]
/// struct Email(String);
/// assert_eq!(Email::TYPES[0].name, "email");
/// ```
#[doc(inline)]
pub use pgrepo_macros::PgNewtype;
/// A struct whose fields are columns, without a table of its own.
///
/// # Examples
/// ```
/// use pgrepo::{PgRecord, PgTable};
///
/// #[derive(PgRecord)]
/// struct Address {
///     street: String,
///     city: String,
/// }
///
/// #[derive(PgTable)]
/// #[pg(table = "people")]
/// struct Person {
///     name: String,
///     #[pg(flatten = "home_")]
///     home: Address,
/// }
/// assert_eq!(Person::SELECT, r#"SELECT "name", "home_street", "home_city" FROM "people""#);
/// assert_eq!(Person::HOME.at(Address::CITY).name().to_string(), "home_city");
/// ```
#[doc(inline)]
pub use pgrepo_macros::PgRecord;
/// A struct that stands for a table or a view.
///
/// # Examples
/// ```
/// use pgrepo::{PgTable, Set};
///
/// #[derive(PgTable)]
/// #[pg(schema = "app", table = "users", new = "NewUser")]
/// struct User {
///     #[pg(primary_key, identity)]
///     id: i64,
///     name: String,
///     #[pg(default)]
///     rank: i32,
/// }
///
/// assert_eq!(User::SELECT, r#"SELECT "id", "name", "rank" FROM "app"."users""#);
/// assert_eq!(User::NAME.name().to_string(), "name");
/// let ann = NewUser { name: "Ann".to_owned(), rank: Set::Server };
/// ```
#[doc(inline)]
pub use pgrepo_macros::PgTable;
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
pub use via_sqlx::ViaSqlx;
