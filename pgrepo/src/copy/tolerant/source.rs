use std::convert::Infallible;
use std::error::Error as StdError;
use std::{fmt, io};

use crate::error::{Error, ErrorKind};

type Cause = Box<dyn StdError + Send + Sync>;

/// Why the source of a load yields no row: it could not make one ([`RowError`]), or it has failed.
///
/// The first is a reject of [`Repository::load_try_stream`](crate::Repository::load_try_stream), and the source goes on;
/// the second ends the load. A [`RowError`] becomes the first; pgrepo's own [`Error`], [`io::Error`] and a boxed error
/// become the second, and any other error does by [`SourceError::end`].
pub struct SourceError(pub(super) Box<Cut>);

/// What a source yields instead of a row.
#[derive(Debug)]
pub(super) enum Cut {
    Row(RowError),
    End(Cause),
}

impl SourceError {
    /// The source has failed: it is not asked for a row again, and the load ends.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, texts: Vec<&str>) -> pgrepo::Result<()> {
    /// use futures_util::{StreamExt, stream};
    /// use pgrepo::SourceError;
    ///
    /// let ids = stream::iter(texts).map(|text| text.parse::<i64>());
    /// let users = ids.map(|id| id.map(|id| User { id, name: format!("user {id}") }).map_err(SourceError::end));
    /// let (report, rejects) = db.repository::<User>().load_try_stream(users).collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn end(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Box::new(Cut::End(cause.into())))
    }

    /// What ended the source, if it is no single row.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::SourceError;
    /// let error = SourceError::from(std::io::Error::other("the disk is gone"));
    /// assert!(error.cause().is_some_and(|cause| cause.is::<std::io::Error>()));
    /// ```
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        match &*self.0 {
            Cut::Row(_) => None,
            Cut::End(cause) => Some(&**cause),
        }
    }

    /// The row that could not be made, if it is one row only.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{RowError, SourceError};
    /// assert!(SourceError::from(RowError::new("no number").at_line(7)).row().is_some());
    /// assert!(SourceError::end("the file ended within a line").row().is_none());
    /// ```
    pub fn row(&self) -> Option<&RowError> {
        match &*self.0 {
            Cut::Row(row) => Some(row),
            Cut::End(_) => None,
        }
    }
}

impl fmt::Debug for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Cut::Row(row) => row.fmt(f),
            Cut::End(cause) => cause.fmt(f),
        }
    }
}

impl StdError for SourceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Cut::Row(row) => row.source(),
            Cut::End(cause) => cause.source(),
        }
    }
}

impl From<RowError> for SourceError {
    fn from(row: RowError) -> Self {
        Self(Box::new(Cut::Row(row)))
    }
}

impl From<Error> for SourceError {
    fn from(error: Error) -> Self {
        Self::end(error)
    }
}

/// As `?` makes it: an error of pgrepo's own as it is, a row as [`ErrorKind::Decode`], anything else as [`ErrorKind::Io`].
impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        match *error.0 {
            Cut::Row(row) => Self::new(ErrorKind::Decode, "a row could not be read").caused_by(row),
            Cut::End(cause) => match cause.downcast::<Self>() {
                Ok(own) => *own,
                Err(cause) => Self::new(ErrorKind::Io, "the source of the rows failed").caused_by(cause),
            },
        }
    }
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> Self {
        Self::end(error)
    }
}

impl From<Cause> for SourceError {
    fn from(error: Cause) -> Self {
        Self::end(error)
    }
}

impl From<Infallible> for SourceError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// One row that a source could not make, such as a line of a file that does not hold what it should.
///
/// It is the whole of what is known of the row: where it stood, what it said, and why it is none.
///
/// # Examples
/// ```
/// use pgrepo::RowError;
///
/// let line = "SLLP,high";
/// let error = RowError::new("`high` is no number").at_line(7).at_field("elevation_ft").with_text(line);
/// assert_eq!((error.line(), error.field(), error.text()), (Some(7), Some("elevation_ft"), Some(line)));
/// assert_eq!(error.to_string(), "line 7, field `elevation_ft`: `high` is no number");
/// ```
#[derive(Debug)]
pub struct RowError {
    message: String,
    line: Option<u64>,
    field: Option<String>,
    text: Option<String>,
    cause: Option<Cause>,
}

impl RowError {
    /// A row that could not be made, and why.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::RowError;
    ///
    /// assert_eq!(RowError::new("`high` is no number").to_string(), "`high` is no number");
    /// ```
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: None, field: None, text: None, cause: None }
    }

    /// The line of the source that it stood on, from 1.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::RowError;
    ///
    /// assert_eq!(RowError::new("too short").at_line(7).to_string(), "line 7: too short");
    /// ```
    pub fn at_line(self, line: u64) -> Self {
        Self { line: Some(line), ..self }
    }

    /// The field that could not be read.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::RowError;
    ///
    /// assert_eq!(RowError::new("no number").at_field("age").to_string(), "field `age`: no number");
    /// ```
    pub fn at_field(self, field: impl fmt::Display) -> Self {
        Self { field: Some(field.to_string()), ..self }
    }

    /// What the source said there.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::RowError;
    ///
    /// assert_eq!(RowError::new("no number").with_text("SLLP,high").text(), Some("SLLP,high"));
    /// ```
    pub fn with_text(self, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    /// The error behind it.
    ///
    /// # Examples
    /// ```
    /// use std::error::Error;
    /// use pgrepo::RowError;
    /// let cause = "high".parse::<i32>().unwrap_err();
    /// assert!(RowError::new("`high` is no number").caused_by(cause).source().is_some());
    /// ```
    pub fn caused_by(self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// Why it is no row.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::RowError;
    ///
    /// assert_eq!(RowError::new("too short").at_line(7).message(), "too short");
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line of the source, from 1.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::RowError;
    ///
    /// assert_eq!(RowError::new("too short").at_line(7).line(), Some(7));
    /// ```
    pub fn line(&self) -> Option<u64> {
        self.line
    }

    /// The field that could not be read.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::RowError;
    ///
    /// assert_eq!(RowError::new("no number").at_field("age").field(), Some("age"));
    /// ```
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What the source said there.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::RowError;
    ///
    /// assert_eq!(RowError::new("too short").text(), None);
    /// ```
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.field) {
            (Some(line), Some(field)) => write!(f, "line {line}, field `{field}`: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            (None, Some(field)) => write!(f, "field `{field}`: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)
    }
}

impl StdError for RowError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
