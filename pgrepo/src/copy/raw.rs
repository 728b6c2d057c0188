//! COPY out as it comes, in any of its formats, to any writer.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::AsyncWrite;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::{self, Copied, Direction};
use crate::pool::Handle;
use crate::table::{Place, literal};

use super::select::Selection;
use super::unload::{Begun, OPERATION, blame};

/// In which form rows are written: COPY's csv, text or binary
/// (<https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS>).
///
/// # Examples
/// ```
/// use pgrepo::CopyFormat;
/// // As psql writes it by \copy … csv header.
/// let csv = CopyFormat::csv();
/// // Where NULL is to be told from empty text by any reader.
/// let csv = CopyFormat::csv().without_header().delimiter(b';').null("\\N");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFormat {
    form: Form,
    header: bool,
    delimiter: Option<u8>,
    null: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Text,
    Binary,
}

impl CopyFormat {
    const fn of(form: Form) -> Self {
        Self { form, header: matches!(form, Form::Csv), delimiter: None, null: None }
    }

    /// CSV with a header, commas, and NULL as nothing, where empty text is `""`.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyFormat;
    /// // Holds a header and a line for each airport.
    /// let mut out = Vec::new();
    /// db.repository::<Airport>().copy_out_raw(&CopyFormat::csv(), &mut out).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn csv() -> Self {
        Self::of(Form::Csv)
    }

    /// COPY's own text, with tabs, and NULL as `\N`.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyFormat;
    /// // Holds a line for each airport, with tabs.
    /// let mut out = Vec::new();
    /// db.repository::<Airport>().copy_out_raw(&CopyFormat::text(), &mut out).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn text() -> Self {
        Self::of(Form::Text)
    }

    /// COPY's binary form, which a server of another version or architecture need not read.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyFormat;
    /// // Holds what `COPY … FROM … (FORMAT binary)` reads.
    /// let mut out = Vec::new();
    /// db.repository::<Airport>().copy_out_raw(&CopyFormat::binary(), &mut out).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn binary() -> Self {
        Self::of(Form::Binary)
    }

    /// Leaves the line out that names the columns.
    ///
    /// # Examples
    /// ```
    /// assert_ne!(pgrepo::CopyFormat::csv().without_header(), pgrepo::CopyFormat::csv());
    /// ```
    pub fn without_header(mut self) -> Self {
        self.header = false;
        self
    }

    /// Writes another byte between the fields of CSV or text.
    ///
    /// # Examples
    /// ```
    /// assert_ne!(pgrepo::CopyFormat::csv().delimiter(b';'), pgrepo::CopyFormat::csv());
    /// ```
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = Some(delimiter);
        self
    }

    /// Writes this text for NULL in CSV or text.
    ///
    /// # Examples
    /// ```
    /// assert_ne!(pgrepo::CopyFormat::csv().null("NULL"), pgrepo::CopyFormat::csv());
    /// ```
    pub fn null(mut self, text: impl Into<String>) -> Self {
        self.null = Some(text.into());
        self
    }

    /// The options of the statement; what the server would refuse is refused here, since that would cost the connection.
    fn options(&self) -> Result<String> {
        let wrong = |what: &'static str| Err(Error::new(ErrorKind::Config, what));
        let mut options = match (self.form, self.header) {
            (Form::Csv, true) => "FORMAT csv, HEADER true".to_owned(),
            (Form::Csv, false) => "FORMAT csv".to_owned(),
            (Form::Text, _) => "FORMAT text".to_owned(),
            (Form::Binary, _) if self.delimiter.is_some() || self.null.is_some() => {
                return wrong("the binary format has neither a delimiter nor a text for NULL");
            }
            (Form::Binary, _) => "FORMAT binary".to_owned(),
        };
        let delimiter = self.delimiter.unwrap_or(if self.form == Form::Csv { b',' } else { b'\t' });
        let usable = match self.form {
            Form::Csv => delimits_csv(delimiter),
            _ => delimits(delimiter) && !matches!(delimiter, b'\\' | b'.' | b'a'..=b'z' | b'0'..=b'9'),
        };
        if !usable {
            return wrong("the delimiter is none that COPY takes");
        }
        let null = self.null.as_deref().unwrap_or_default();
        if null.bytes().any(|b| b == delimiter || matches!(b, b'\0' | b'\r' | b'\n'))
            || (self.form == Form::Csv && null.contains('"'))
        {
            return wrong("the text for NULL holds the delimiter, a quotation mark or the end of a line");
        }
        if self.delimiter.is_some() {
            options += &format!(", DELIMITER {}", literal(char::from(delimiter).encode_utf8(&mut [0; 4])));
        }
        if let Some(null) = &self.null {
            options += &format!(", NULL {}", literal(null));
        }
        Ok(options)
    }

    /// How many of the server's messages hold no row: the header, or the trailer.
    fn beside(&self) -> u64 {
        u64::from(self.header || self.form == Form::Binary)
    }
}

/// Whether COPY takes the byte for a delimiter in any of its forms.
fn delimits(byte: u8) -> bool {
    byte.is_ascii() && !matches!(byte, b'\0' | b'\r' | b'\n')
}

/// Whether it takes it in CSV.
pub(crate) fn delimits_csv(byte: u8) -> bool {
    delimits(byte) && byte != b'"'
}

/// What was handed to a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyOutReport {
    /// The rows; a header is none.
    pub rows: u64,
    /// The bytes.
    pub bytes: u64,
}

/// Writes what a statement gives.
pub(crate) async fn copy_out_raw<H, W>(
    on: H,
    selection: Selection<'_>,
    format: &CopyFormat,
    writer: &mut W,
) -> Result<CopyOutReport>
where
    H: Handle,
    W: AsyncWrite + Unpin + ?Sized,
{
    let fail = |e: Error| blame(selection.place.as_ref(), e);
    let options = format.options().map_err(fail)?;
    let about = Arc::clone(on.about());
    let Begun { mut pieces, first, .. } = selection.open(on, None, &options).await?;
    let (mut messages, mut bytes) = (0_u64, 0);
    let mut next = Some(Ok(first));
    while let Some(arrived) = next {
        for piece in arrived.map_err(fail)? {
            // The server sends each row in a message of its own.
            // https://www.postgresql.org/docs/current/protocol-message-formats.html (CopyData)
            messages += 1;
            bytes += piece.len() as u64;
            write(writer, piece).await.map_err(|e| fail(unwritten(e)))?;
        }
        next = pieces.next().await;
    }
    poll_fn(|cx| Pin::new(&mut *writer).poll_flush(cx)).await.map_err(|e| fail(unwritten(e)))?;
    let rows = messages.saturating_sub(format.beside());
    let table = selection.place.as_ref().map(Place::declared);
    observe::copied(&about, &Copied { operation: OPERATION, table, direction: Direction::Out, rows, bytes });
    Ok(CopyOutReport { rows, bytes })
}

async fn write<W: AsyncWrite + Unpin + ?Sized>(writer: &mut W, piece: Bytes) -> io::Result<()> {
    let mut rest: &[u8] = &piece;
    while !rest.is_empty() {
        let written = poll_fn(|cx| Pin::new(&mut *writer).poll_write(cx, rest)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

#[cold]
fn unwritten(error: io::Error) -> Error {
    Error::new(ErrorKind::Io, "the writer failed, and holds a part of the rows").caused_by(error)
}
