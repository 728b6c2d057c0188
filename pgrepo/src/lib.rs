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
//!
//! # I want to …
//!
//! | | |
//! |---|---|
//! | connect | [`Db::from_env`], [`Db::from_url`], or [`Db::connect`] with a [`DbConfig`] |
//! | encrypt connections, and say whom to trust | [`DbConfig::tls`]; `sslmode` and its like in a URL |
//! | use passwords that change | [`DbConfig::with_password_callback`] |
//! | keep the settings of several stages in one environment | [`DbConfig::from_env_prefixed`] |
//! | load many rows | [`Repository::copy_in`], [`copy_in_stream`](Repository::copy_in_stream), [`copy_in_try_stream`](Repository::copy_in_try_stream) |
//! | load rows one by one, as they come | [`Repository::start_copy_in`], then [`CopyIn::send`] and [`finish`](CopyIn::finish) |
//! | load rows that leave defaults to the server | the `New…` struct of `#[pg(new = "…")]`, or a struct of my own with [`PgInsert`](macro@PgInsert) |
//! | load rows whose columns are known at run time only | [`Db::copy_records`] of [`Value`]s |
//! | load a CSV file | [`csv::read`], then [`Repository::copy_in_try_stream`] or [`load_try_stream`](Repository::load_try_stream) (feature `csv`) |
//! | load rows some of which are bad, and get these back with their reasons | [`Repository::load`], [`load_stream`](Repository::load_stream), then [`collect`](BulkLoad::collect), [`to_sink`](BulkLoad::to_sink), [`to_channel`](BulkLoad::to_channel) or [`to_table`](BulkLoad::to_table) |
//! | commit a load batch by batch, and go on where it ended | [`BulkLoad::commit`], [`Commit::EachBatch`], [`Error::committed`] |
//! | insert many rows, or update those that are there | [`Repository::merge`], [`merge_on`](Repository::merge_on), [`merge_stream`](Repository::merge_stream), past bad rows [`tolerant`](Merge::tolerant) |
//! | update or delete many rows by their keys | [`Repository::update_many`], [`update_many_on`](Repository::update_many_on), [`delete_many`](Repository::delete_many) |
//! | load JSON lines | [`ndjson::read`] |
//! | load some columns, or keep the numbers of identity columns | [`CopyInOptions`] |
//! | replace a table's rows by a load, or store only some of them | [`CopyInOptions::truncate`], [`CopyInOptions::filter`] |
//! | follow a load with a progress bar | [`CopyInOptions::progress`], [`Progress`] |
//! | read a whole table fast | [`Repository::copy_out`] |
//! | read the rows that meet a condition, or those of my own SQL, as fast | [`Find::copy_out`], [`FindValues::copy_out`], [`Query::copy_out`] |
//! | write rows to a file as CSV, text or binary | [`Repository::copy_out_raw`], [`Find::copy_out_raw`], [`Query::copy_out_raw`] with a [`CopyFormat`] |
//! | read the rows that meet a condition | [`Repository::find`], then [`Find::fetch_all`] or [`stream`](Find::stream) |
//! | ask for a list of values, a range, a pattern, words of text with their rank, elements of arrays | [`Column::in_`], [`between`](Column::between), [`like`](Column::like), [`text_search`](Column::text_search), [`contains`](Column::contains) and their like |
//! | count rows, or know the least, the greatest, the sum or the average | [`Find::count`], [`exists`](Find::exists), [`min`](Find::min), [`max`](Find::max), [`sum`](Find::sum), [`avg`](Find::avg) |
//! | read one column only, each value once | [`Find::values`], then [`distinct`](FindValues::distinct) |
//! | lock the rows that I read | [`Find::for_update`], [`skip_locked`](Find::skip_locked), [`nowait`](Find::nowait) |
//! | see the SQL of a question, and the server's plan for it | [`Find::sql`], [`explain`](Find::explain) |
//! | insert a row, and see what the server filled in | [`Repository::insert`] |
//! | insert many rows, all or none | [`Repository::insert_many`] |
//! | insert rows unless they are there, and know which were new | [`Repository::insert_new`], [`insert_many_new`](Repository::insert_many_new), [`insert_many_new_on`](Repository::insert_many_new_on) |
//! | insert a row, or update the one that is there | [`Repository::upsert`]; [`upsert_on`](Repository::upsert_on) a set that `#[pg(unique = "…")]` names |
//! | read or delete one row by its key, or many in the keys' order | [`Repository::get`], [`delete`](Repository::delete), [`get_many`](Repository::get_many) |
//! | change one row by its key | [`Repository::update`] with the whole row, [`patch`](Repository::patch) with assignments or [`PgPatch`](macro@PgPatch) |
//! | change or delete the rows that meet a condition | [`Repository::update_where`], [`delete_where`](Repository::delete_where) |
//! | notice that somebody else changed the row I read | `#[pg(version)]`, [`Repository::update`], [`ErrorKind::Conflict`] |
//! | use the same struct in another schema | [`Repository::in_schema`] |
//! | see what a database does, and what the server knows of a table | [`Db::database_stats`], [`Db::table_info`], [`Db::table_info_of`] |
//! | keep tenants apart, by a role, schemas and settings for a transaction | [`Db::scope`] |
//! | ask for, sort by or change a part of a jsonb document | [`PgJson`](macro@PgJson), [`Column::at`], [`JsonPath`] |
//! | make the index that serves it | [`Column::gin_index_ddl`], [`JsonPath::index_ddl`], [`key_index_ddl`](JsonPath::key_index_ddl) |
//! | keep an enum, or a type around another, in a column | [`PgEnum`](macro@PgEnum), [`PgNewtype`](macro@PgNewtype) |
//! | store a document, or find rows by a JSON path, in a table that is known at run time only | [`Db::insert_json`], [`Db::query_json`] |
//! | run SQL of my own, into structs, tuples or single values | [`Db::query`], then [`Query::fetch_all`], [`fetch_optional`](Query::fetch_optional), [`fetch_one`](Query::fetch_one) |
//! | read one value, such as a count | [`Query::fetch_val`] |
//! | show a table page by page, or read it so | [`Find::pages`], then [`Pages::fetch_page`] and [`PageToken`], or [`Pages::stream`] |
//! | read some columns of a table's rows | [`Find::select`] of a struct with [`PgRecord`](macro@PgRecord), [`Find::values`] of one column |
//! | read a large result in pieces | [`RowStream::chunks`], [`CopyOutStream::chunks`] |
//! | stream rows that borrow | [`RowStream::next`], [`for_each`](RowStream::for_each), [`map`](RowStream::map) |
//! | read what a LEFT JOIN may not find | an `Option` of a struct with `#[pg(flatten = "…_")]`: [`PgRecord`](macro@PgRecord) |
//! | write a struct's columns into SQL of my own | [`sql!`] |
//! | read rows without a struct | [`Query::fetch_rows`], then [`Row::get`] |
//! | run several statements of DDL | [`Db::execute_script`] |
//! | run several operations side by side, so many at once | [`Db::concurrent`], then [`all`](Concurrent::all), [`settle`](Concurrent::settle) or [`each`](Concurrent::each) |
//! | put a deadline on any operation | [`WithDeadline::with_deadline`] |
//! | know whether the server answers | [`Db::ping`]; [`Db::health`] within a limit |
//! | make the table of a struct | [`create_table_sql`], then [`Db::execute_script`] |
//! | know at start-up that structs and tables agree, and which DDL mends what differs | [`Db::verify`], [`verify_all!`], then [`Contract::into_result`] |
//! | know it in CI, without a server | [`Snapshot`] |
//! | know what the pool is like, or be told when the server goes and comes | [`Db::status`], [`Db::monitor`] |
//! | set up each new connection | [`Db::connect_with`] |
//! | change the pool's size, or end it | [`Db::resize`], [`Db::close`] |
//! | hear of slow statements in the log | [`DbConfig::slow_statement`] |
//! | have operations take effect together | [`Db::transaction`] with a closure; [`Db::begin`], then [`Tx::commit`] |
//! | run them again when they conflict with others, or the connection breaks | [`Db::transaction_with`] |
//! | choose what a transaction sees of others | [`TxOptions`], [`Isolation`] |
//! | undo a part of a transaction | [`Tx::savepoint`], [`Tx::begin_savepoint`] |
//! | execute a list of statements, all or none, or with an outcome each | [`Db::execute_all`], [`Db::execute_each`] |
//! | let one process only do something | [`Tx::advisory_lock`]; [`Db::advisory_lock`] beyond a transaction |
//! | know whether a COMMIT took effect whose answer was lost | [`Db::transaction_with`] finds out; else [`Tx::id`], [`Db::outcome`] |
//! | write a function that runs in a transaction or out of one | take a [`Handle`] |
//! | ask what went wrong | [`Error::kind`], [`row`](Error::row), [`column`](Error::column), [`constraint`](Error::constraint), [`sqlstate`](Error::sqlstate) |
//! | ask which declared constraint a row violated | `#[pg(constraints = "…")]`, [`Error::violation`]; [`Error::is_unique_violation`] and its like |
//! | know whether to run something again | [`Error::is_retryable`], [`Error::fault_class`] |
//! | have SQL of my own run again when that may help | [`Query::idempotent`], [`RetryConfig`] |
//! | turn operations away while the server fails | [`DbConfig::breaker`](config::DbConfig::breaker), [`Db::breaker`] |
//! | use the driver itself, or code that is written for it | [`Db::raw`], [`Tx::raw`] in a transaction |
//! | find what I know from the Python connector | [Coming from the Python connector](guide::from_python) |
//! | keep it running: schema, pool, statistics, tenants | [Operating](guide::operating) |
//! | choose how to load | [Loading data](guide::loading) |
//! | know what is promised, by which test, and what is not | [What pgrepo promises](guide::promises) |
//! | see operations in traces and metrics | [Operating](guide::operating): spans by `tracing`, figures by `metrics` (feature `metrics`) |
//! | test against a server without installing one | `testkit`, `#[pgrepo::test]` |
//! | be sure that a function sends so many statements and no more | `assert_queries!` |
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `chrono` | yes | dates, times and timestamps of chrono, and `Infinite` for those that PostgreSQL calls infinite |
//! | `tls` | yes | encrypted connections, by rustls; to build it takes a C compiler |
//! | `uuid` | yes | `uuid::Uuid` |
//! | `csv` | no | rows out of CSV: the parser of the crate `csv` without its reader |
//! | `metrics` | no | figures by the facade `metrics`: operations, durations, pool, retries, breaker, COPY ([Operating](guide::operating)) |
//! | `registry` | no | [`verify_all!`] for every derived table of the program: one small crate more, which links a list of them |
//! | `rust_decimal` | no | numeric as `rust_decimal::Decimal`, exact or an error |
//! | `testkit` | no | a throwaway server, a database for each test, a fault proxy (Unix) |
//!
//! # When something is wrong
//!
//! An [`Error`] says in one line what failed and where; the server's words are its
//! [`source`](std::error::Error::source). `Debug`, which `main` and `unwrap` print, shows the kind and all of them.
//!
//! A column is in the struct and not in the table:
//!
//! ```text
//! Mismatch: copy_in, table airports, field `elevation`, column "elevation": the table has no such column; it has icao, iata, name, elevation_ft
//! ```
//!
//! A column has another type than the field:
//!
//! ```text
//! Mismatch: copy_in, table airports, field `elevation_ft`, column "elevation_ft": the table's column is float8 and the field is a `i64`, which stands for int8
//! ```
//!
//! A value cannot be stored. The row is the place among those handed over, from 0; none of them is stored:
//!
//! ```text
//! Encode: copy_in, table airports, row 1 (counted from 0), field `name`, column "name": the value cannot be sent, so nothing is stored
//!   caused by: the text holds a NUL character at byte 1, which PostgreSQL cannot store
//! ```
//!
//! The server refuses a row. Foreign keys and deferred constraints are checked after the last row, and no row is named:
//!
//! ```text
//! Copy: copy_in, table airports, row 2 (counted from 0): the server refused
//!   caused by: duplicate key value violates unique constraint "airports_pkey" (SQLSTATE 23505), schema: public, table: airports, constraint: airports_pkey
//! ```
//!
//! Another number of rows came than was announced ([`CopyInOptions::expected_rows`]):
//!
//! ```text
//! Copy: copy_in, table airports: 2 rows were announced and 1 came, so nothing is stored
//! ```
//!
//! A column holds NULL and the field is no `Option`:
//!
//! ```text
//! Decode: fetch_all, table airports, row 0 (counted from 0), field `iata`, column "iata": the text value cannot be read into `String`
//!   caused by: the value is NULL and the type is not an Option
//! ```
//!
//! One row was asked for, and the result has none, or more:
//!
//! ```text
//! NoRow: fetch_one, table airports: exactly one row was asked for and the result has none
//! ManyRows: fetch_one, table airports: a single row was asked for and the result has 2
//! ```
//!
//! The text of a page token, which a browser sent back, is none:
//!
//! ```text
//! Token: table airports: the text is no page token, or was cut or altered
//! ```
//!
//! A parameter has another type than the statement gives it:
//!
//! ```text
//! Mismatch: fetch_one: parameter $1 is text and the value bound is a `i32`, which goes as int4: bind another type, or write $1::int4 where the value's own type is meant
//! ```
//!
//! SQL of the user's own is wrong:
//!
//! ```text
//! Query: fetch_one: the server finds no such column
//!   caused by: column "nme" does not exist (SQLSTATE 42703), hint: Perhaps you meant to reference the column "airports.name".
//! ```
//!
//! A statement would change the connection of whoever comes next:
//!
//! ```text
//! Query: statement 1 begins with SET: it changes the session of whoever gets the connection next; SET LOCAL in a transaction does not; the raw connection takes anything
//! ```
//!
//! The server is not there, or refuses the connection, or a setting is wrong:
//!
//! ```text
//! Connection: connect: no connection to 127.0.0.1, port 1
//!   caused by: the connection broke
//!   caused by: Connection refused (os error 111)
//! Config: the URL has the unknown parameter "ssl": did you mean sslmode? The known ones are host, port, user, password, password_file, passfile, dbname, application_name, sslmode, sslrootcert, sslcert, sslkey, allow_plaintext_password, max_connections, connect_timeout, acquire_timeout, max_waiting, statement_timeout, lock_timeout, idle_in_transaction_timeout, close_timeout, max_lifetime, max_idle, idle_check, statement_cache, statement-cache-capacity, slow_statement, trace_sql
//! ```
//!
//! # More
//!
//! How it is built and why is in `ARCHITECTURE.md`, what changed in `CHANGELOG.md`, both in this package. Programs to
//! start from, each on real data, are in the repository's folder `examples`.

#![cfg_attr(doctest, doc = include_str!("../../README.md"))]
// The front page is written for all features.
#![cfg_attr(not(feature = "csv"), allow(rustdoc::broken_intra_doc_links))]
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
    BulkLoad, Commit, CopyFormat, CopyIn, CopyInOptions, CopyOutReport, CopyOutStream, CopyReport, Duplicates,
    LoadPhase, LoadProgress, LoadReport, Merge, MergeOutcome, MergeReport, Merged, Progress, Rejected, RowError,
    SourceError, UpdateMany,
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
    Arg, CanWrite, Cells, Column, ColumnMeta, ConflictTarget, ConstraintMeta, ConstraintMetaKind, Constraints, CopyOut,
    Embedded, FieldError, FieldWriter, Fields, FromCell, FromRow, IndexMeta, KeyArg, Name, OwnedRow, PgTable,
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
