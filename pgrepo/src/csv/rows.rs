use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;

use crate::copy::{RowError, SourceError, delimits_csv};
use crate::error::{Error, ErrorKind, Result};
use crate::lines::Source;

use super::header::{self, mismatch};
use super::options::CsvOptions;
use super::record::{Column, Record, Shape, Texts};
use super::records::Records;
use super::value::Misfit;

const OPERATION: &str = "csv";

/// The rows of CSV, read one at a time: what [`read`](super::read) returns.
///
/// It is a [`Stream`] as well, which [`Repository::load_try_stream`](crate::Repository::load_try_stream) sets bad records
/// aside of, and [`copy_in_try_stream`](crate::Repository::copy_in_try_stream) ends at the first one. Dropped, it has read
/// ahead of the rows that it yielded by some 32 KiB at most.
#[must_use = "a stream does nothing unless it is read"]
pub struct CsvRows<R, T> {
    source: Source<R>,
    pub(super) records: Records,
    options: CsvOptions,
    state: State,
    of: PhantomData<fn() -> T>,
}

enum State {
    /// Nothing was read.
    Fresh,
    Rows {
        shape: Shape,
        columns: Option<Vec<Column>>,
    },
    Over,
}

impl<R: AsyncRead, T: DeserializeOwned> CsvRows<R, T> {
    pub(super) fn new(reader: R, options: CsvOptions) -> Self {
        let records = Records::new(options.delimiter, options.max_record);
        Self { source: Source::new(reader), records, options, state: State::Fresh, of: PhantomData }
    }

    /// Reads the next row; `None` at the end.
    ///
    /// # Errors
    /// A [`RowError`] where a record does not fit the type, has another number of fields than the header or is no UTF-8: it
    /// names the line, and the column of a value, and holds the record's text. The next row can be read. Any other error
    /// is the last: pgrepo's own, of the kind [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch), before the first row,
    /// where the header does not fit the type; of the kind [`ErrorKind::Config`](crate::ErrorKind::Config), where the
    /// [`delimiter`](CsvOptions::delimiter) is none; of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) where the reader failed,
    /// or a record has no end within [`max_record`](CsvOptions::max_record) or a quoted field none at all: where the next
    /// one begins can then not be told.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped: what was read of the reader stays here.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(serde::Deserialize)]
    /// # struct Line { icao: String }
    /// # async fn example(file: impl tokio::io::AsyncRead + Unpin) -> Result<(), pgrepo::SourceError> {
    /// let mut rows = pgrepo::csv::read::<Line, _>(file);
    /// while let Some(line) = rows.next().await? {
    ///     println!("{}", line.icao);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Result<Option<T>, SourceError> {
        poll_fn(|cx| self.poll_row(cx)).await.transpose()
    }

    /// The line on which the row begins that was yielded last, from 1. What the row became is told by its place among the
    /// rows, [`Rejected::index`](crate::Rejected::index), which is another number where there is a header, or a record of
    /// several lines.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> pgrepo::Result<()> {
    /// #[derive(serde::Deserialize)]
    /// struct Note { text: String }
    ///
    /// let mut notes = pgrepo::csv::read::<Note, _>(&b"text\n\"two\nlines\"\none\n"[..]);
    /// assert_eq!((notes.next().await?.map(|note| note.text).as_deref(), notes.line()), (Some("two\nlines"), 2));
    /// assert_eq!((notes.next().await?.map(|note| note.text).as_deref(), notes.line()), (Some("one"), 4));
    /// # Ok(())
    /// # }
    /// ```
    pub fn line(&self) -> u64 {
        self.records.line()
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, SourceError>>> {
        let read = ready!(self.poll_record(cx));
        if !matches!(&read, Some(Ok(_))) && !matches!(&read, Some(Err(error)) if error.row().is_some()) {
            self.state = State::Over;
        }
        Poll::Ready(read)
    }

    fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, SourceError>>> {
        let failed = |error: Error| Poll::Ready(Some(Err(error.during(OPERATION).into())));
        if matches!(self.state, State::Fresh) {
            match ready!(self.poll_header(cx)) {
                Ok(state) => self.state = state,
                Err(error) => return failed(error),
            }
        }
        let State::Rows { shape, columns } = &self.state else { return Poll::Ready(None) };
        match ready!(self.records.poll_next(&mut self.source, cx)) {
            Ok(true) => Poll::Ready(Some(row::<T>(&self.records, &self.options, *shape, columns.as_deref()))),
            Ok(false) => Poll::Ready(None),
            Err(error) => failed(error),
        }
    }

    /// Reads the header, if there is one, and compares it with the type.
    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<Result<State>> {
        if !delimits_csv(self.options.delimiter) {
            let message =
                "the delimiter is none: it is one byte of ASCII, and neither a quotation mark nor the end of a line";
            return Poll::Ready(Err(Error::new(ErrorKind::Config, message)));
        }
        let shape = Shape::of::<T>();
        if !self.options.header {
            self.records.blank_is_record = matches!(shape, Shape::Tuple(1) | Shape::Struct([_]));
            return Poll::Ready(Ok(State::Rows { shape, columns: None }));
        }
        if !ready!(self.records.poll_next(&mut self.source, cx))? {
            return Poll::Ready(Err(mismatch("the data is empty where a header should be")));
        }
        let record = Utf8 { records: &self.records, options: &self.options };
        let names = (0..record.count()).map(|i| record.text(i).map(str::to_owned)).collect::<Result<Vec<_>, _>>();
        let columns = names
            .map_err(|e| mismatch("the header cannot be read").caused_by(e))
            .and_then(|names| header::columns(names, shape, &self.options));
        Poll::Ready(columns.map(|columns| {
            self.records.blank_is_record = columns.len() == 1;
            State::Rows { shape, columns: Some(columns) }
        }))
    }
}

/// The texts of a record whose bytes are looked at one field at a time.
struct Utf8<'r> {
    records: &'r Records,
    options: &'r CsvOptions,
}

impl Texts for Utf8<'_> {
    fn count(&self) -> usize {
        self.records.count()
    }

    fn text(&self, field: usize) -> Result<&str, Misfit> {
        let bytes = self.records.text().get(self.records.place(field)).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| Misfit::new("the text is not UTF-8"))?;
        Ok(self.options.trimmed(text))
    }
}

/// Reads the record that was found.
fn row<T: DeserializeOwned>(
    records: &Records,
    options: &CsvOptions,
    shape: Shape,
    columns: Option<&[Column]>,
) -> Result<T, SourceError> {
    if let Some(columns) = columns
        && columns.len() != records.count()
    {
        return Err(unequal(records, options, columns.len()).into());
    }
    let mut record = Record { texts: &Utf8 { records, options }, columns, null: &options.null, at: 0 };
    T::deserialize(&mut record).map_err(|misfit| unfit(misfit, record.at, records, options, shape, columns))
}

#[cold]
fn unequal(records: &Records, options: &CsvOptions, named: usize) -> RowError {
    let (line, last) = (records.line(), records.last_line());
    let mut message = format!("the record has {} fields and the header {named}", records.count());
    if last > line {
        message += &format!("; it reaches to line {last}, so a quotation mark may be missing");
    }
    RowError::new(message).at_line(line).with_text(records.written(options.delimiter))
}

#[cold]
fn unfit(
    misfit: Misfit,
    at: usize,
    records: &Records,
    options: &CsvOptions,
    shape: Shape,
    columns: Option<&[Column]>,
) -> SourceError {
    if let (Some(field), Shape::Struct(_), Some(_)) = (misfit.missing, shape, columns) {
        let message = "the header lacks the field's column, and the field has no default";
        return mismatch(message).at_field(field).during(OPERATION).into();
    }
    let name = match (columns, shape) {
        (Some(columns), _) => columns.get(at).map(|column| &*column.name),
        (None, Shape::Struct(fields)) if at < records.count() => fields.get(at).copied(),
        (None, _) => None,
    };
    let message = match name {
        Some(_) => "the value cannot be read".to_owned(),
        None if at < records.count() => format!("value {} of the record cannot be read", at + 1),
        None => "the record cannot be read".to_owned(),
    };
    let error = RowError::new(message).at_line(records.line()).with_text(records.written(options.delimiter));
    let error = error.caused_by(misfit);
    match name {
        Some(name) => error.at_field(name).into(),
        None => error.into(),
    }
}

impl<R: AsyncRead, T: DeserializeOwned> Stream for CsvRows<R, T> {
    type Item = Result<T, SourceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_row(cx)
    }
}

impl<R, T> fmt::Debug for CsvRows<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvRows")
            .field("line", &self.records.line())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
