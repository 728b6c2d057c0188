//! Typed rows in and out of PostgreSQL.
//!
//! Derive [`PgTable`](macro@PgTable) for a struct, and its rows go into a table by binary COPY, all or none, and come
//! back by COPY or by typed queries. What can be known without a server is checked by the compiler: names of columns,
//! types of values, writes to what the server computes. What only the server knows is checked before the first byte is
//! sent: a struct that does not fit the live table is refused by name.
//!
//! It runs on tokio, and on sqlx's driver with a pool of its own. Every future may be dropped at every await point: its
//! connection is closed then and its server session ended, and nobody gets it in the middle of an answer.
//!
//! ```no_run
//! use pgrepo::{Db, Json, PgTable};
//! use serde::{Deserialize, Serialize};
//!
//! // CREATE TABLE airports (icao text PRIMARY KEY, iata text, elevation_ft float8 NOT NULL, location jsonb NOT NULL,
//! //     loaded_at text NOT NULL DEFAULT now()::text)
//! #[derive(Debug, PgTable)]
//! #[pg(table = "airports", new = "NewAirport")]
//! struct Airport {
//!     #[pg(primary_key)]
//!     icao: String,
//!     iata: Option<String>,
//!     elevation_ft: f64,
//!     location: Json<Location>,
//!     #[pg(default)]
//!     loaded_at: String,
//! }
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Location {
//!     city: Option<String>,
//!     country: String,
//! }
//!
//! # async fn example() -> pgrepo::Result<()> {
//! let db = Db::from_env().await?;
//! let airports = db.repository::<Airport>();
//!
//! // Any iterator of rows. Those of the generated struct may leave what has a default to the server.
//! let location = Json(Location { city: Some("El Alto".into()), country: "BO".into() });
//! let rows = [NewAirport {
//!     icao: "SLLP".into(),
//!     iata: Some("LPB".into()),
//!     elevation_ft: 13_314.0,
//!     location,
//!     loaded_at: pgrepo::Set::Server,
//! }];
//! let report = airports.copy_in(rows).await?;
//! assert_eq!(report.rows, 1);
//!
//! let high = airports.find(Airport::ELEVATION_FT.gt(8_000.0)).order_by(Airport::ICAO.asc()).fetch_all().await?;
//! let el_alto = airports.get("SLLP").await?;
//! airports.patch("SLLP", [Airport::IATA.set("LPB")]).await?;
//!
//! // Several operations that take effect together.
//! let mut tx = db.begin().await?;
//! tx.query("UPDATE airports SET elevation_ft = $1 WHERE icao = $2").bind(0.0).bind("EHAM").execute().await?;
//! tx.repository::<Airport>().delete("SLLP").await?;
//! tx.commit().await?;
//! # Ok(())
//! # }
//! ```
#![doc = include_str!("../docs/tasks.md")]
//!
//! # Pages to read
//!
//! [The guide](guide): [start](guide::start), [modelling](guide::modelling), [loading](guide::loading),
//! [reading](guide::reading), [JSON](guide::json), [transactions](guide::transactions), [failure](guide::failure),
//! [operating](guide::operating), [deploying](guide::deploying) with the features, platforms and versions,
//! [what is promised, and by which test](guide::promises), and what you know from
//! [sqlx, diesel, tokio-postgres, asyncpg](guide::coming_from) or the [Python connector](guide::from_python).
//!
//! # When something is wrong
//!
//! An [`Error`] says in one line what failed and where, and `Debug` shows the server's words behind it:
//!
//! ```text
//! Copy: copy_in, table airports, row 2 (counted from 0): the server refused
//!   caused by: duplicate key value violates unique constraint "airports_pkey" (SQLSTATE 23505), schema: public, table: airports, constraint: airports_pkey
//! ```
//!
//! What each failure looks like, what it means and what to do about it is in [Failure](guide::failure).
//!
//! # More
//!
//! How it is built and why is in `ARCHITECTURE.md`, what changed in `CHANGELOG.md`, both in this package. Programs to
//! start from, each on real data, are in the repository's folder `examples`.

#![cfg_attr(doctest, doc = include_str!("../../README.md"))]
// The front page is written for all features.
#![cfg_attr(
    not(all(feature = "csv", feature = "metrics", feature = "testkit")),
    allow(rustdoc::broken_intra_doc_links)
)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test's failure is its message"))]

mod breaker;
mod concurrent;
pub mod config;
pub mod copy;
#[cfg(feature = "csv")]
pub mod csv;
mod driver_row;
pub mod error;
pub mod guide;
pub mod json;
mod lines;
pub mod ndjson;
mod observe;
mod pool;
mod query;
mod repository;
mod retry;
mod row;
mod schema;
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

pub use breaker::{Breaker, BreakerChange, BreakerChanges, BreakerConfig, BreakerSnapshot, BreakerState, Permit};
pub use concurrent::{Concurrent, Operations};
pub use config::{DbConfig, Password, PasswordCallback, TlsConfig, TlsMode};
pub use copy::{
    BulkLoad, Commit, CopyFormat, CopyIn, CopyInOptions, CopyOutReport, CopyOutStream, CopyReport, DeleteMany,
    DeleteReport, Duplicates, LoadPhase, LoadProgress, LoadReport, Merge, MergeOutcome, MergeReport, Merged, Progress,
    Rejected, RowError, SourceError, UpdateMany,
};
pub use error::{Committed, Error, ErrorKind, FaultClass, Result, ServerError, SqlClass, SqlState};
pub use json::{JsonArg, JsonField, JsonFlat, JsonPath};
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
/// A struct or enum whose places in JSON are constants, from which paths into documents are made: see [`JsonPath`].
///
/// # Examples
/// ```
/// use pgrepo::{Json, PgJson, PgTable};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, PgJson)]
/// #[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
/// enum Shape {
///     Circle { radius_cm: i64 },
///     Square(Side),
/// }
/// #[derive(Serialize, Deserialize, PgJson)]
/// struct Side {
///     length: i64,
/// }
/// #[derive(PgTable)]
/// #[pg(table = "shapes")]
/// struct Row {
///     shape: Json<Shape>,
/// }
///
/// assert_eq!(Row::SHAPE.at(Shape::TAG).pointer(), "/type");
/// assert_eq!(Row::SHAPE.at(Shape::CIRCLE_RADIUS_CM).pointer(), "/radiusCm");
/// assert_eq!(Row::SHAPE.at(Shape::SQUARE.at(Side::LENGTH)).pointer(), "/length");
/// let large = Row::SHAPE.at(Shape::TAG).eq("circle").and(Row::SHAPE.at(Shape::CIRCLE_RADIUS_CM).gt(100));
/// ```
#[doc(inline)]
pub use pgrepo_macros::PgJson;
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
/// The changes of one row of a table.
///
/// # Examples
/// ```
/// use pgrepo::{Changes, PgPatch, PgTable};
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
/// #[derive(Default, PgPatch)]
/// #[pg(of = User)]
/// struct UserPatch<'a> {
///     name: Option<&'a str>,
///     motto: Option<Option<&'a str>>,
/// }
/// let no_motto = UserPatch { motto: Some(None), ..UserPatch::default() };
/// assert_eq!(no_motto.assignments().len(), 1);
/// ```
#[doc(inline)]
pub use pgrepo_macros::PgPatch;
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
pub use pool::{
    Db, Handle, Health, HookFuture, InSchema, LockWait, Monitor, MonitorEvent, NewConnection, PoolStatus,
    RawConnection, ServerProgress, WithDeadline,
};
pub use query::{
    Assignment, Changes, Delete, Filter, Find, FindValues, HasAverage, HasMinMax, HasSum, InTransaction, IsArray,
    IsText, Page, PageToken, Pages, Query, Sort, TextRank, Update, Upserted, query,
};
pub use repository::Repository;
pub use retry::{Backoff, RetryBudget, RetryConfig};
pub use row::Row;
pub use schema::{
    ColumnInfo, ColumnShape, ConnectionStats, ConstraintShape, Contract, DatabaseStats, Difference, DifferenceKind,
    FilledBy, IndexInfo, IndexShape, PartitionInfo, Replication, Severity, Snapshot, StandbyStats, TableInfo,
    TableShape, TableSize, TypeShape, create_table_sql, verify,
};
pub use stream::{Chunks, RowStream};
pub use table::{
    Arg, ByKey, CanWrite, Cells, Column, ColumnMeta, ConflictTarget, ConstraintMeta, ConstraintMetaKind, Constraints,
    CopyOut, Embedded, FieldError, FieldWriter, Fields, FromCell, FromRow, IndexMeta, KeyArg, Name, OwnedRow, PgTable,
    PrimaryKey, Projection, Record, Set, Spec, TableMeta, TableName, Unique, WriteFields, WriteRow,
};
pub use tx::{
    AdvisoryKey, AdvisoryLock, Isolation, Savepoint, Scope, Scoped, Statement, Tx, TxFn, TxId, TxOnce, TxOptions,
    TxOutcome,
};
#[cfg(feature = "chrono")]
pub use value::Infinite;
pub use value::{
    Decode, Element, Encode, Hstore, Json, Numeric, PgType, SqlType, TypeDefinition, TypeInfo, TypeKind, Value,
    ValueError, ValueErrorKind,
};
pub use via_sqlx::ViaSqlx;
