//! One error for all of pgrepo: a kind, where it happened, and the cause behind it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

mod committed;
mod fault;
mod questions;
mod server;

pub use committed::Committed;
pub use fault::FaultClass;
pub(crate) use fault::is_stale;
pub(crate) use server::ServerFields;
pub use server::{ServerError, SqlClass, SqlState};

/// The result of every fallible operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and why; one word wide.
///
/// The message says pgrepo's part, which never holds a password, a URL or the contents of a row; the cause, most often
/// the server's own error, is in [`source`](StdError::source). The server's primary message may quote a value; its
/// detail, which quotes whole keys, is reachable by [`ServerError::detail`] only.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    operation: Option<&'static str>,
    table: Option<String>,
    row: Option<u64>,
    field: Option<String>,
    column: Option<String>,
    fault: Option<FaultClass>,
    attempts: u32,
    /// What is stored of a load that failed.
    committed: Option<Committed>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of errors, by what a caller can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing, misspelt or out of range; nothing was connected to.
    Config,
    /// No connection could be made, or the one in use broke.
    Connection,
    /// A deadline passed.
    Timeout,
    /// Too many operations wait already: this one was turned away at once, and nothing was sent.
    Overload,
    /// The server refused a statement.
    Query,
    /// A transaction could not be begun, committed or used.
    Transaction,
    /// A bulk load or unload failed; of a load nothing was stored, or what [`Error::committed`] says.
    Copy,
    /// A value cannot be written: it has no exact form in PostgreSQL.
    Encode,
    /// A value cannot be read into its Rust type.
    Decode,
    /// A struct, a parameter or a list of columns does not fit what the server has; nothing was read or written.
    Mismatch,
    /// Exactly one row was asked for and there was none.
    NoRow,
    /// One row at most was asked for and there were more.
    ManyRows,
    /// A page token is none, was altered, or is one of another table or order; nothing was read.
    Token,
    /// The row was changed by somebody else since it was read: nothing was written; read it again and decide anew.
    Conflict,
    /// The breaker is open: the operation was rejected at once, and neither waited nor was sent.
    CircuitOpen,
    /// A reader that rows are taken from, or a writer that they are handed to, failed; or what it gives cannot be followed
    /// to the next row.
    Io,
}

impl Error {
    /// An error of a kind with pgrepo's own words: lower case, no full stop.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            operation: None,
            table: None,
            row: None,
            field: None,
            column: None,
            fault: None,
            attempts: 1,
            committed: None,
            source: None,
        }))
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn during(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    pub(crate) fn on_table(mut self, table: impl fmt::Display) -> Self {
        self.0.table.get_or_insert_with(|| table.to_string());
        self
    }

    pub(crate) fn at_row(mut self, row: u64) -> Self {
        self.0.row.get_or_insert(row);
        self
    }

    pub(crate) fn at_field(mut self, field: impl fmt::Display) -> Self {
        self.0.field.get_or_insert_with(|| field.to_string());
        self
    }

    pub(crate) fn at_column(mut self, column: impl fmt::Display) -> Self {
        self.0.column.get_or_insert_with(|| column.to_string());
        self
    }

    /// The same with other words of pgrepo's.
    pub(crate) fn saying(mut self, message: &'static str) -> Self {
        self.0.message = Cow::Borrowed(message);
        self
    }

    /// Whether these are pgrepo's words in it.
    pub(crate) fn says(&self, message: &str) -> bool {
        self.0.message == message
    }

    /// A name that the server does not find, in a statement of ours, is one of the struct's or of the caller's list.
    pub(crate) fn naming(self) -> Self {
        match self.sqlstate() {
            Some(state) if matches!(state.as_str(), "42P01" | "42703" | "3F000") => self.of_kind(ErrorKind::Mismatch),
            _ => self,
        }
    }

    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// It is the error of so many attempts, unless its cause says so.
    pub(crate) fn after_attempts(mut self, attempts: u32) -> Self {
        if self.attempts() < attempts {
            self.0.attempts = attempts;
        }
        self
    }

    /// What a caller can do about it.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{DbConfig, ErrorKind};
    /// let error = DbConfig::from_url("mysql://localhost").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed, for example `copy_in`.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// if let Err(error) = db.query("SELECT 1 / 0").execute().await {
    ///     assert_eq!(error.operation(), Some("execute"));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// How often the operation, or the transaction that it is a part of, was tried: more than once where it was run again
    /// by itself. The error is the last one.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// if let Err(error) = db.query("SELECT count(*) FROM users").idempotent().fetch_val::<i64>().await {
    ///     println!("tried {} times", error.attempts());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn attempts(&self) -> u32 {
        let cause = self.0.source.as_deref().and_then(|cause| cause.downcast_ref::<Self>());
        self.0.attempts.max(cause.map_or(1, Self::attempts))
    }

    /// The table: ours when we know it, else the one that the server named.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if let Some(table) = error.table() {
    ///     println!("{table} is as it was");
    /// }
    /// # }
    /// ```
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref().or_else(|| self.server()?.table())
    }

    /// The index of the row among those handed over, from 0.
    ///
    /// It is `None` where no row can be named: foreign keys and deferred constraints are checked after the last row,
    /// and the server then names the constraint only.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db, users: &[User]) {
    /// if let Err(error) = db.repository::<User>().copy_in(users).await
    ///     && let Some(row) = error.row()
    /// {
    ///     println!("row {row} was refused: {error}");
    /// }
    /// # }
    /// ```
    pub fn row(&self) -> Option<u64> {
        self.0.row
    }

    /// The struct's field.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if let Some(field) = error.field() {
    ///     println!("`{field}` is wrong: {error}");
    /// }
    /// # }
    /// ```
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The column: ours when we know it, else the one that the server named.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// match (error.table(), error.column()) {
    ///     (Some(table), Some(column)) => println!("{table}.{column}: {error}"),
    ///     _ => println!("{error}"),
    /// }
    /// # }
    /// ```
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref().or_else(|| self.server()?.column())
    }

    /// The constraint that a row violated.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.constraint() == Some("users_email_key") {
    ///     println!("there is somebody with this address");
    /// }
    /// # }
    /// ```
    pub fn constraint(&self) -> Option<&str> {
        self.server()?.constraint()
    }

    /// The server's detail. It may quote the values of a row, so it is in neither `Display` nor `Debug`.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// // For who may see the row: "Key (email)=(ann@example.com) already exists."
    /// if let Some(detail) = error.detail() {
    ///     println!("{detail}");
    /// }
    /// # }
    /// ```
    pub fn detail(&self) -> Option<&str> {
        self.server()?.detail()
    }

    /// The server's error, if the server refused.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if let Some(server) = error.server() {
    ///     println!("{} {}", server.severity(), server.message());
    /// }
    /// # }
    /// ```
    pub fn server(&self) -> Option<&ServerError> {
        let mut cause: &(dyn StdError + 'static) = self.0.source.as_deref()?;
        loop {
            if let Some(server) = cause.downcast_ref() {
                return Some(server);
            }
            cause = cause.source()?;
        }
    }

    /// The server's SQLSTATE, if the server refused.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.sqlstate().is_some_and(|state| state.as_str() == "42P01") {
    ///     println!("there is no such table: {error}");
    /// }
    /// # }
    /// ```
    pub fn sqlstate(&self) -> Option<SqlState> {
        self.server().map(ServerError::sqlstate)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, table, row, field, column, message, attempts, committed, .. } = &*self.0;
        let mut place = false;
        let mut part = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            let comma = if std::mem::replace(&mut place, true) { ", " } else { "" };
            write!(f, "{comma}{text}")
        };
        if let Some(operation) = operation {
            part(f, format_args!("{operation}"))?;
        }
        if let Some(table) = table {
            part(f, format_args!("table {table}"))?;
        }
        if let Some(row) = row {
            part(f, format_args!("row {row} (counted from 0)"))?;
        }
        if let Some(field) = field {
            part(f, format_args!("field `{field}`"))?;
        }
        if let Some(column) = column {
            part(f, format_args!("column \"{column}\""))?;
        }
        if place {
            f.write_str(": ")?;
        }
        f.write_str(message)?;
        if *attempts > 1 {
            write!(f, "; given up after {attempts} attempts")?;
        }
        committed.map_or(Ok(()), |committed| write!(f, "; {committed}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            if let Some(server) = error.downcast_ref::<ServerError>() {
                server.fields(f)?;
            }
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}
