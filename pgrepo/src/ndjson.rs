//! Rows out of JSON lines (NDJSON: a JSON value on each line), from any reader, for any type that serde reads.
//!
//! A line that does not fit is a [`RowError`] with its line, place and text (but for a line that is too long), and the next
//! one can be read: a tolerant load sets it aside, a strict one ends. Blank lines are left out, lines end by LF or CR LF, the last one
//! by the end too, and a byte order mark at the beginning is none of the data. Which keys must be there, and whether there
//! may be others, is what the type's `Deserialize` says: `#[serde(default)]`, `#[serde(deny_unknown_fields)]`.
//! A [`Numeric`](crate::Numeric) must stand there as text: a fraction is a float to serde, whose digits may be others.
//!
//! # Examples
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #[derive(serde::Deserialize)]
//! struct Line {
//!     icao: String,
//!     elevation: f64,
//! }
//!
//! let text = "{\"icao\":\"SLLP\",\"elevation\":13314}\n{\"icao\":\"LSZX\",\"elevation\":\"high\"}\n";
//! let mut lines = pgrepo::ndjson::read::<Line, _>(text.as_bytes());
//! assert_eq!(lines.next().await?.map(|line| line.icao).as_deref(), Some("SLLP"));
//! let error = lines.next().await.map(drop).unwrap_err();
//! let bad = error.row().ok_or("the reader failed")?;
//! assert_eq!((bad.line(), bad.field()), (Some(2), Some("elevation")));
//! assert!(lines.next().await?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! Loaded by COPY, where the first error undoes all:
//! ```no_run
//! # #[derive(pgrepo::PgTable, serde::Deserialize)]
//! # #[pg(table = "airports")]
//! # struct Airport { icao: String }
//! # async fn example(db: &pgrepo::Db, file: impl tokio::io::AsyncRead + Send + 'static) -> pgrepo::Result<()> {
//! use pgrepo::CopyInOptions;
//! let airports = pgrepo::ndjson::read::<Airport, _>(file);
//! let report = db.repository::<Airport>().copy_in_try_stream(airports, CopyInOptions::default()).await?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;

use crate::copy::{RowError, SourceError};
use crate::lines::{Source, broken};

const OPERATION: &str = "ndjson";

/// How JSON lines are read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NdjsonOptions {
    /// The most bytes that a line may have. Default: 16 MiB.
    pub max_line: usize,
}

impl Default for NdjsonOptions {
    fn default() -> Self {
        Self { max_line: 16 * 1024 * 1024 }
    }
}

impl NdjsonOptions {
    /// Bounds the bytes that a line may have.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pgrepo::ndjson::NdjsonOptions::default().max_line(4096).max_line, 4096);
    /// ```
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// Reads rows with these options, one at a time as they are asked for.
    ///
    /// Memory is bounded by [`max_line`](Self::max_line), whatever the reader yields.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> pgrepo::Result<()> {
    /// use pgrepo::ndjson::NdjsonOptions;
    /// let mut pairs = NdjsonOptions::default().max_line(8).read::<(i32, i32), _>(&b"[1,2]\n[1,       2]\n[3,4]"[..]);
    /// assert_eq!(pairs.next().await?, Some((1, 2)));
    /// assert!(pairs.next().await.is_err());
    /// assert_eq!(pairs.next().await?, Some((3, 4)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn read<T: DeserializeOwned, R: AsyncRead>(self, reader: R) -> NdjsonRows<R, T> {
        let state = State::Line;
        NdjsonRows { source: Source::new(reader), line: Vec::new(), number: 0, state, options: self, of: PhantomData }
    }
}

/// Reads rows out of JSON lines: see [`NdjsonOptions::read`].
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> pgrepo::Result<()> {
/// let mut numbers = pgrepo::ndjson::read::<i32, _>(&b"1\n\n2\n"[..]);
/// assert_eq!((numbers.next().await?, numbers.next().await?, numbers.next().await?), (Some(1), Some(2), None));
/// # Ok(())
/// # }
/// ```
pub fn read<T: DeserializeOwned, R: AsyncRead>(reader: R) -> NdjsonRows<R, T> {
    NdjsonOptions::default().read(reader)
}

/// The rows of JSON lines, read one at a time: what [`read`] returns.
///
/// It is a [`Stream`] as well, which [`Repository::load_try_stream`](crate::Repository::load_try_stream) sets bad lines
/// aside of, and [`copy_in_try_stream`](crate::Repository::copy_in_try_stream) ends at the first one. Dropped, it has read
/// ahead of the rows that it yielded by some 32 KiB at most.
#[must_use = "a stream does nothing unless it is read"]
pub struct NdjsonRows<R, T> {
    source: Source<R>,
    /// The beginning of a line whose end is not there yet.
    line: Vec<u8>,
    /// The line's number, from 1; 0 before the first.
    number: u64,
    state: State,
    options: NdjsonOptions,
    of: PhantomData<fn() -> T>,
}

#[derive(PartialEq, Eq)]
enum State {
    Line,
    /// In a line that is left out.
    TooLong,
    Over,
}

impl<R: AsyncRead, T: DeserializeOwned> NdjsonRows<R, T> {
    /// Reads the next row; `None` at the end.
    ///
    /// # Errors
    /// A [`RowError`] where a line is no JSON, no UTF-8, does not fit the type or is longer than
    /// [`max_line`](NdjsonOptions::max_line): it names the line, and the value's path where one does not fit, and holds the
    /// line's text, unless that is too long. The next row can be read. Any other error is the last: the reader failed, which is pgrepo's own error
    /// of the kind [`ErrorKind::Io`](crate::ErrorKind::Io).
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped: what was read of the reader stays here.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(serde::Deserialize)]
    /// # struct Line { icao: String }
    /// # async fn example(file: impl tokio::io::AsyncRead + Unpin) -> Result<(), pgrepo::SourceError> {
    /// let mut rows = pgrepo::ndjson::read::<Line, _>(file);
    /// while let Some(line) = rows.next().await? {
    ///     println!("{}", line.icao);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Result<Option<T>, SourceError> {
        poll_fn(|cx| self.poll_row(cx)).await.transpose()
    }

    /// The line of the row that was yielded last, from 1; 0 before the first. What the row became is told by its place
    /// among the rows, [`Rejected::index`](crate::Rejected::index), which is another number where lines are blank.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> pgrepo::Result<()> {
    /// let mut numbers = pgrepo::ndjson::read::<i32, _>(&b"1\n\n2\n"[..]);
    /// assert_eq!((numbers.next().await?, numbers.line()), (Some(1), 1));
    /// assert_eq!((numbers.next().await?, numbers.line()), (Some(2), 3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn line(&self) -> u64 {
        self.number
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, SourceError>>> {
        while self.state != State::Over {
            let piece = match ready!(self.source.poll_fill(cx)) {
                Ok(piece) => piece,
                Err(error) => {
                    self.state = State::Over;
                    return Poll::Ready(Some(Err(broken(error).during(OPERATION).into())));
                }
            };
            let end = memchr::memchr(b'\n', piece);
            let part = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
            // The last line may have no end of its own.
            let whole = end.is_some() || piece.is_empty();
            if piece.is_empty() {
                self.state = State::Over;
            }
            if self.state == State::TooLong {
                let length = part.len() + usize::from(end.is_some());
                self.source.consume(length);
                if whole {
                    self.state = State::Line;
                }
                continue;
            }
            let row = if self.line.len() + part.len() > self.options.max_line {
                self.line = Vec::new();
                let message = format!("the line has more than the {} bytes that one may have", self.options.max_line);
                if !whole {
                    self.state = State::TooLong;
                }
                Some(Err(RowError::new(message).at_line(self.number + 1)))
            } else if !whole {
                self.line.extend_from_slice(part);
                None
            } else if self.line.is_empty() {
                read_line(part, self.number + 1)
            } else {
                self.line.extend_from_slice(part);
                let row = read_line(&self.line, self.number + 1);
                self.line.clear();
                row
            };
            let length = part.len() + usize::from(end.is_some());
            self.source.consume(length);
            if whole || self.state == State::TooLong {
                self.number += 1;
            }
            if let Some(row) = row {
                return Poll::Ready(Some(row.map_err(SourceError::from)));
            }
        }
        Poll::Ready(None)
    }
}

/// Reads a line; a blank one holds no row.
fn read_line<T: DeserializeOwned>(line: &[u8], number: u64) -> Option<Result<T, RowError>> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let row = match std::str::from_utf8(line) {
        Ok(text) => serde_json::from_str(text).map_err(|error| unfit::<T>(text, number, &error)),
        Err(error) => {
            let message = format!("the line is not UTF-8, at byte {}", error.valid_up_to() + 1);
            Err(RowError::new(message).at_line(number).with_text(String::from_utf8_lossy(line.trim_ascii())))
        }
    };
    Some(row)
}

/// Says where in the line it does not fit, which is found by reading it once more.
#[cold]
fn unfit<T: DeserializeOwned>(line: &str, number: u64, error: &serde_json::Error) -> RowError {
    let what = if error.is_data() { "does not fit the row's type" } else { "is no JSON" };
    let row = RowError::new(format!("the line {what}, at byte {}", error.column())).at_line(number);
    let row = row.with_text(line.trim_ascii()).caused_by(Reason::of(error));
    if !error.is_data() {
        return row;
    }
    let mut reader = serde_json::Deserializer::from_str(line);
    let again = serde_path_to_error::deserialize::<_, T>(&mut reader).err();
    match again.map(|again| again.path().to_string()) {
        Some(path) if path != "." => row.at_field(path),
        _ => row,
    }
}

/// serde_json's words without its place, which names the first line whatever line it is.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reason(String);

impl Reason {
    fn of(error: &serde_json::Error) -> Self {
        let (text, place) = (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
        Self(text.strip_suffix(&place).unwrap_or(&text).to_owned())
    }
}

impl<R: AsyncRead, T: DeserializeOwned> Stream for NdjsonRows<R, T> {
    type Item = Result<T, SourceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_row(cx)
    }
}

impl<R, T> fmt::Debug for NdjsonRows<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NdjsonRows").field("line", &self.number).field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
