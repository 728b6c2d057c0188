use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, ServerError, SqlState};

use super::source::RowError;

/// A row that a load has not stored, with the reason.
///
/// `Debug` shows where and why, and not the row. [`error`](Self::error) answers what any error does, such as [`Error::is_unique_violation`] and
/// [`Error::violation`]; the methods here are its answers that are asked for most.
#[non_exhaustive]
pub struct Rejected<R> {
    /// The row itself; `None` where the source could not make one, whose [`text`](Self::text) may be known.
    pub row: Option<R>,
    /// Its place among all that the source yielded, from 0.
    pub index: u64,
    /// Why it is not stored: [`ErrorKind::Copy`](crate::ErrorKind::Copy) where the server refused it,
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) where it could not be sent, and
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) where the source could not make it.
    pub error: Error,
}

impl<R> Rejected<R> {
    pub(super) fn new(row: Option<R>, index: u64, error: Error) -> Self {
        Self { row, index, error }
    }

    /// The struct's field, where one is to blame.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (_, rejects) = db.repository::<User>().load(users).collect().await?;
    /// for reject in &rejects {
    ///     println!("row {}: {:?}", reject.index, reject.field());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn field(&self) -> Option<&str> {
        self.error.field().or_else(|| self.unmade()?.field())
    }

    /// The table's column, where one is to blame.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (_, rejects) = db.repository::<User>().load(users).collect().await?;
    /// for reject in &rejects {
    ///     println!("row {}: {:?}", reject.index, reject.column());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn column(&self) -> Option<&str> {
        self.error.column()
    }

    /// The constraint that it violates.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (_, rejects) = db.repository::<User>().load(users).collect().await?;
    /// for reject in &rejects {
    ///     println!("row {} violates {:?}", reject.index, reject.constraint());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn constraint(&self) -> Option<&str> {
        self.error.constraint()
    }

    /// The SQLSTATE, where the server refused it.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (_, rejects) = db.repository::<User>().load(users).collect().await?;
    /// for reject in &rejects {
    ///     println!("row {}: {:?}", reject.index, reject.sqlstate());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn sqlstate(&self) -> Option<SqlState> {
        self.error.sqlstate()
    }

    /// The line of the source, from 1, where the source said so.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (_, rejects) = db.repository::<User>().load(users).collect().await?;
    /// for reject in &rejects {
    ///     println!("line {:?} of the file", reject.line());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn line(&self) -> Option<u64> {
        self.unmade()?.line()
    }

    /// What the source said in place of a row, if it told.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (_, rejects) = db.repository::<User>().load(users).collect().await?;
    /// for reject in &rejects {
    ///     println!("{:?} could not be read", reject.text());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn text(&self) -> Option<&str> {
        self.unmade()?.text()
    }

    /// The reason in words: the server's primary message, or ours with its causes. It may quote a value.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (_, rejects) = db.repository::<User>().load(users).collect().await?;
    /// for reject in &rejects {
    ///     println!("row {}: {}", reject.index, reject.message());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn message(&self) -> String {
        if let Some(server) = self.error.server() {
            return server.message().to_owned();
        }
        let mut message = String::new();
        let mut cause = self.error.source();
        while let Some(error) = cause {
            if !message.is_empty() {
                message.push_str(": ");
            }
            match error.downcast_ref::<RowError>() {
                Some(row) => message.push_str(row.message()),
                None => message.push_str(&error.to_string()),
            }
            cause = error.source();
        }
        if message.is_empty() { self.error.to_string() } else { message }
    }

    /// The server's error, where the server refused it.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (_, rejects) = db.repository::<User>().load(users).collect().await?;
    /// for reject in &rejects {
    ///     println!("{:?}", reject.server().and_then(|server| server.detail()));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn server(&self) -> Option<&ServerError> {
        self.error.server()
    }

    fn unmade(&self) -> Option<&RowError> {
        self.error.source()?.downcast_ref()
    }
}

impl<R> fmt::Debug for Rejected<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected").field("index", &self.index).field("error", &self.error).finish_non_exhaustive()
    }
}
