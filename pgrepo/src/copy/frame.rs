//! The bytes of binary COPY: header, tuples, trailer
//! (<https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY-FORMAT>).
//!
//! Nothing here does I/O.

use std::any::Any;
use std::ops::Range;

use bytes::Bytes;

use crate::table::{Cells, FieldError, FieldWriter, FromRow, Set, WriteFields};
use crate::value::{Decode, Encode, MAX_FIELD, TypeInfo, ValueError, ValueErrorKind, decode_field, take_field};

/// What a binary COPY begins with: signature, flags, and an empty extension.
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with. The server accepts a stream without it, so rows are counted as well.
pub const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

const UNKNOWN: &TypeInfo = &TypeInfo::UNKNOWN;

/// Appends a row as one tuple: all of its fields, in their order.
///
/// `types` are those of the columns, as the server described them. On an error `out` is as it was.
///
/// # Errors
/// The first field that cannot be written.
///
/// # Examples
/// ```
/// # use pgrepo::copy::frame;
/// # use pgrepo::value::{PgType, TypeInfo};
/// # #[derive(Debug, PartialEq, pgrepo::PgRecord)]
/// # struct Point { x: i32, y: i32 }
/// let types = [TypeInfo::builtin(PgType::INT4), TypeInfo::builtin(PgType::INT4)];
/// let mut tuple = Vec::new();
/// frame::encode_row(&Point { x: 1, y: 2 }, &types, &mut tuple)?;
/// assert_eq!(tuple, [0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2]);
/// # Ok::<(), pgrepo::FieldError>(())
/// ```
#[inline]
pub fn encode_row<R: WriteFields + ?Sized>(row: &R, types: &[TypeInfo], out: &mut Vec<u8>) -> Result<(), FieldError> {
    let start = out.len();
    let count = const {
        assert!(R::COLUMNS.len() <= 1600, "a table has at most 1,600 columns");
        #[allow(clippy::cast_possible_truncation, reason = "at most 1,600")]
        (R::COLUMNS.len() as u16).to_be_bytes()
    };
    out.extend_from_slice(&count);
    let mut writer = All { out, types, index: 0 };
    let written = row.write_fields(&mut writer);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Checks the length of a row's tuple: the server makes no row of 1 GiB or more, and would say so only when it has
/// received all of it.
///
/// # Errors
/// [`ValueErrorKind::RowTooLarge`].
///
/// # Examples
/// ```
/// assert!(pgrepo::copy::frame::row_length(1 << 20).is_ok());
/// assert!(pgrepo::copy::frame::row_length(1 << 30).is_err());
/// ```
#[inline]
pub fn row_length(length: usize) -> Result<(), ValueError> {
    if length <= MAX_FIELD { Ok(()) } else { Err(ValueErrorKind::RowTooLarge { length }.into()) }
}

/// Writes every field.
struct All<'a> {
    out: &'a mut Vec<u8>,
    types: &'a [TypeInfo],
    index: usize,
}

impl FieldWriter for All<'_> {
    #[inline]
    fn field<V: Encode + ?Sized>(&mut self, value: &V) -> Result<(), FieldError> {
        let index = self.index;
        self.index += 1;
        match value.encode(self.types.get(index).unwrap_or(UNKNOWN), self.out) {
            Ok(()) => Ok(()),
            Err(error) => Err(at(index, error)),
        }
    }

    fn set<V: Encode>(&mut self, value: &Set<V>) -> Result<(), FieldError> {
        match value {
            Set::To(value) => self.field(value),
            Set::Server => {
                Err(mixed(self.index, "this row leaves the column to the server and the first row sends it"))
            }
        }
    }
}

/// Appends a row as one tuple with the marked fields only; `types` are those of the marked columns.
///
/// # Errors
/// As [`encode_row`], and a row that sends what the load leaves to the server, or the other way round.
///
/// # Examples
/// ```
/// # use pgrepo::copy::frame;
/// # use pgrepo::value::{PgType, TypeInfo};
/// # #[derive(Debug, PartialEq, pgrepo::PgRecord)]
/// # struct Point { x: i32, y: i32 }
/// let mut tuple = Vec::new();
/// frame::encode_marked(&Point { x: 1, y: 2 }, &[false, true], &[TypeInfo::builtin(PgType::INT4)], &mut tuple)?;
/// assert_eq!(tuple, [0, 1, 0, 0, 0, 4, 0, 0, 0, 2]);
/// # Ok::<(), pgrepo::FieldError>(())
/// ```
pub fn encode_marked<R: WriteFields + ?Sized>(
    row: &R,
    marks: &[bool],
    types: &[TypeInfo],
    out: &mut Vec<u8>,
) -> Result<(), FieldError> {
    let start = out.len();
    let count = marks.iter().filter(|m| **m).count();
    out.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
    let mut writer = Marked { all: All { out, types, index: 0 }, marks, place: 0 };
    let written = row.write_fields(&mut writer);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Writes the marked fields.
struct Marked<'a> {
    all: All<'a>,
    marks: &'a [bool],
    place: usize,
}

impl Marked<'_> {
    fn next(&mut self) -> (usize, bool) {
        let place = self.place;
        self.place += 1;
        (place, self.marks.get(place).copied().unwrap_or(false))
    }
}

impl FieldWriter for Marked<'_> {
    fn field<V: Encode + ?Sized>(&mut self, value: &V) -> Result<(), FieldError> {
        let (place, sent) = self.next();
        if !sent {
            return Ok(());
        }
        self.all.field(value).map_err(|e| FieldError { index: place, error: e.error })
    }

    fn set<V: Encode>(&mut self, value: &Set<V>) -> Result<(), FieldError> {
        let (place, sent) = self.next();
        match (value, sent) {
            (Set::To(value), true) => self.all.field(value).map_err(|e| FieldError { index: place, error: e.error }),
            (Set::Server, false) => Ok(()),
            (Set::Server, true) => {
                Err(mixed(place, "this row leaves the column to the server and the first row sends it"))
            }
            (Set::To(_), false) => {
                Err(mixed(place, "this row sends the column and the first row leaves it to the server"))
            }
        }
    }
}

#[cold]
fn at(index: usize, error: ValueError) -> FieldError {
    FieldError { index, error }
}

#[cold]
fn mixed(index: usize, reason: &str) -> FieldError {
    FieldError { index, error: ValueErrorKind::Range(reason.to_owned()).into() }
}

/// Says which fields a row sends: all but those that it leaves to the server.
///
/// # Errors
/// None of its own.
///
/// # Examples
/// ```
/// # #[derive(pgrepo::PgTable)]
/// # #[pg(table = "users", new = "NewUser")]
/// # struct User { name: String, #[pg(default)] rank: i32 }
/// use pgrepo::Set;
/// let ann = NewUser { name: "Ann".into(), rank: Set::Server };
/// assert_eq!(pgrepo::copy::frame::sent(&ann)?, [true, false]);
/// # Ok::<(), pgrepo::FieldError>(())
/// ```
pub fn sent<R: WriteFields + ?Sized>(row: &R) -> Result<Vec<bool>, FieldError> {
    struct Sent(Vec<bool>);
    impl FieldWriter for Sent {
        fn field<V: Encode + ?Sized>(&mut self, _: &V) -> Result<(), FieldError> {
            self.0.push(true);
            Ok(())
        }
        fn set<V: Encode>(&mut self, value: &Set<V>) -> Result<(), FieldError> {
            self.0.push(matches!(value, Set::To(_)));
            Ok(())
        }
    }
    let mut sent = Sent(Vec::with_capacity(R::COLUMNS.len()));
    row.write_fields(&mut sent)?;
    Ok(sent.0)
}

/// Reads one tuple, without its field count, into a row.
///
/// # Errors
/// The first field that does not fit, or that the bytes end in.
///
/// # Examples
/// ```
/// # use pgrepo::copy::frame;
/// # use pgrepo::value::{PgType, TypeInfo};
/// # #[derive(Debug, PartialEq, pgrepo::PgRecord)]
/// # struct Point { x: i32, y: i32 }
/// let types = [TypeInfo::builtin(PgType::INT4), TypeInfo::builtin(PgType::INT4)];
/// let tuple = [0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2];
/// assert_eq!(frame::decode_row::<Point>(&tuple, &types)?, Point { x: 1, y: 2 });
/// # Ok::<(), pgrepo::FieldError>(())
/// ```
#[inline]
pub fn decode_row<'r, T: FromRow>(tuple: &'r [u8], types: &'r [TypeInfo]) -> Result<T::Row<'r>, FieldError> {
    T::from_row(&mut Tuple { bytes: tuple, types, index: 0 })
}

/// Reads where a COPY into `table` failed from the context of the server's error, `COPY table, line 5, column x: …`:
/// the row's index from 0, and the column where it is named.
///
/// The words between are not looked at, as the server speaks the language of its `lc_messages`.
///
/// # Examples
/// ```
/// let context = "COPY airports, line 5, column elevation: null input";
/// assert_eq!(pgrepo::copy::frame::place(context, "airports"), Some((4, Some("elevation"))));
/// ```
pub fn place<'c>(context: &'c str, table: &str) -> Option<(u64, Option<&'c str>)> {
    let behind = |line: &'c str| line.strip_prefix("COPY ")?.strip_prefix(table)?.strip_prefix(", ");
    let copy = context.lines().find_map(behind)?;
    let (_, number) = copy.split_once(' ')?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    let line: u64 = number.get(..end)?.parse().ok()?;
    let rest = number.get(end..).and_then(|rest| rest.strip_prefix(", ")?.split_once(' '));
    let column = rest.map(|(_, column)| column.split(": ").next().unwrap_or(column));
    Some((line.checked_sub(1)?, column))
}

/// Cuts a stream of COPY data, in pieces of any size, into tuples.
///
/// A piece that holds whole tuples, as the server sends them, is not copied.
#[derive(Debug, Default)]
pub struct TupleReader {
    piece: Bytes,
    /// What is left of several pieces; else empty.
    joined: Vec<u8>,
    /// How much of either has been read.
    read: usize,
    state: State,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Header,
    Tuples,
    Ended,
}

impl TupleReader {
    /// Takes a piece of the stream.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::copy::frame::{HEADER, TRAILER, TupleReader};
    /// let stream = [&HEADER[..], &[0, 1, 0, 0, 0, 1, b'x'], &TRAILER[..]].concat();
    /// let mut reader = TupleReader::default();
    /// let (first, second) = stream.split_at(20);
    /// reader.feed(first.to_vec().into());
    /// assert_eq!(reader.next(1)?, None);
    /// reader.feed(second.to_vec().into());
    /// assert_eq!(reader.next(1)?, Some(&[0, 0, 0, 1, b'x'][..]));
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    pub fn feed(&mut self, piece: Bytes) {
        let left = self.left();
        if left.is_empty() {
            self.joined = Vec::new();
            self.piece = piece;
        } else if self.joined.is_empty() {
            self.joined = [left, &piece].concat();
            self.piece = Bytes::new();
        } else {
            self.joined.drain(..self.read);
            self.joined.extend_from_slice(&piece);
        }
        self.read = 0;
    }

    /// The next whole tuple, without its field count; `None` until more has been fed, and at the end.
    ///
    /// # Errors
    /// The bytes are no binary COPY of `columns` columns.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::copy::frame::{HEADER, TRAILER, TupleReader};
    /// let stream = [&HEADER[..], &[0, 1, 0, 0, 0, 1, b'x'], &TRAILER[..]].concat();
    /// let mut reader = TupleReader::default();
    /// reader.feed(stream.into());
    /// assert_eq!(reader.next(1)?, Some(&[0, 0, 0, 1, b'x'][..]));
    /// assert_eq!(reader.next(1)?, None);
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    pub fn next(&mut self, columns: usize) -> Result<Option<&[u8]>, ValueError> {
        Ok(self.find(columns)?.map(|found| self.tuple(found)))
    }

    /// Where the next whole tuple stands: for [`tuple`](Self::tuple).
    pub(super) fn find(&mut self, columns: usize) -> Result<Option<Range<usize>>, ValueError> {
        if self.state == State::Header && !self.header()? {
            return Ok(None);
        }
        let left = self.left();
        if self.state == State::Ended {
            return if left.is_empty() { Ok(None) } else { Err(broken("bytes follow the trailer")) };
        }
        let Some((count, fields)) = left.split_first_chunk::<2>() else { return Ok(None) };
        if *count == TRAILER {
            self.state = State::Ended;
            self.read += 2;
            return self.find(columns);
        }
        if usize::from(u16::from_be_bytes(*count)) != columns {
            return Err(broken("a tuple has another number of fields than columns were asked for"));
        }
        let mut rest = fields;
        for _ in 0..columns {
            let Some((length, body)) = rest.split_first_chunk::<4>() else { return Ok(None) };
            rest = match i32::from_be_bytes(*length) {
                -1 => body,
                n => {
                    let n = usize::try_from(n).map_err(|_| broken("a field has a negative length"))?;
                    match body.get(n..) {
                        Some(rest) => rest,
                        None => return Ok(None),
                    }
                }
            };
        }
        let length = fields.len() - rest.len();
        let start = self.read + 2;
        self.read = start + length;
        Ok(Some(start..self.read))
    }

    /// The tuple that was found last.
    pub(super) fn tuple(&self, found: Range<usize>) -> &[u8] {
        self.all().get(found).unwrap_or_default()
    }

    fn all(&self) -> &[u8] {
        if self.joined.is_empty() { &self.piece } else { &self.joined }
    }

    fn left(&self) -> &[u8] {
        self.all().get(self.read..).unwrap_or_default()
    }

    /// Says whether the trailer has arrived and nothing is left over.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::copy::frame::{HEADER, TRAILER, TupleReader};
    /// let stream = [&HEADER[..], &[0, 1, 0, 0, 0, 1, b'x'], &TRAILER[..]].concat();
    /// let mut reader = TupleReader::default();
    /// reader.feed(stream.into());
    /// while reader.next(1)?.is_some() {}
    /// assert!(reader.ended());
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    pub fn ended(&self) -> bool {
        self.state == State::Ended && self.left().is_empty()
    }

    fn header(&mut self) -> Result<bool, ValueError> {
        let Some((head, rest)) = self.left().split_first_chunk::<19>() else { return Ok(false) };
        let Some((signature, numbers)) = head.split_first_chunk::<11>() else { return Ok(false) };
        if signature != HEADER.first_chunk::<11>().unwrap_or(signature) {
            return Err(broken("the stream does not begin with the signature of a binary COPY"));
        }
        let [f0, f1, _, _, e0, e1, e2, e3] = *numbers else { return Ok(false) };
        // Of the flags the upper half is critical: a reader that does not know one must stop.
        if f0 != 0 || f1 != 0 {
            return Err(broken("the header has a critical flag that is not known"));
        }
        let extension = u32::from_be_bytes([e0, e1, e2, e3]) as usize;
        if rest.len() < extension {
            return Ok(false);
        }
        self.read += 19 + extension;
        self.state = State::Tuples;
        Ok(true)
    }
}

#[cold]
fn broken(message: &str) -> ValueError {
    ValueErrorKind::Invalid(message.to_owned()).into()
}

/// The fields of a tuple.
struct Tuple<'r> {
    bytes: &'r [u8],
    types: &'r [TypeInfo],
    index: usize,
}

impl<'r> Cells<'r> for Tuple<'r> {
    #[inline]
    fn next<V: Decode<'r>>(&mut self) -> Result<V, FieldError> {
        let index = self.index;
        self.index += 1;
        let ty = self.types.get(index).unwrap_or(UNKNOWN);
        take_field(&mut self.bytes).and_then(|body| decode_field(ty, body)).map_err(|error| FieldError { index, error })
    }

    fn is_null(&self, ahead: usize) -> bool {
        let mut bytes = self.bytes;
        // What is cut off is told by whoever reads it.
        let before = (0..ahead).all(|_| take_field(&mut bytes).is_ok());
        before && matches!(take_field(&mut bytes), Ok(None))
    }

    fn skip(&mut self, fields: usize) {
        for _ in 0..fields {
            self.index += 1;
            if take_field(&mut self.bytes).is_err() {
                self.bytes = &[];
            }
        }
    }

    fn next_driver(&mut self) -> (usize, Option<(&'r dyn Any, usize)>) {
        let index = self.index;
        self.index += 1;
        (index, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_limited_like_a_field() {
        assert!(row_length((1 << 30) - 1).is_ok());
        let error = row_length(1 << 30).unwrap_err();
        assert_eq!(error.to_string(), "the row takes 1073741824 bytes and a row holds at most 1073741823");
    }

    #[test]
    fn the_place_of_a_failure_is_read_from_its_context() {
        assert_eq!(place("COPY airports, line 5, column x: \"a: b\"", "airports"), Some((4, Some("x"))));
        assert_eq!(place("COPY airports, line 5", "airports"), Some((4, None)));
        assert_eq!(place("SQL statement\nCOPY a, line 12, column b: null input", "a"), Some((11, Some("b"))));
        assert_eq!(place("COPY a, line 3, line 5", "a, line 3"), Some((4, None)));
        assert_eq!(place("COPY a, Zeile 12, Spalte b: »x«", "a"), Some((11, Some("b"))));
        assert_eq!(place("COPY airports", "airports"), None);
        assert_eq!(place("COPY other, line 5", "airports"), None);
    }

    #[test]
    fn tuples_are_cut_from_pieces_of_any_size() {
        let mut stream = HEADER.to_vec();
        stream.extend([0, 2, 0, 0, 0, 1, b'x', 255, 255, 255, 255]);
        stream.extend([0, 2, 0, 0, 0, 0, 0, 0, 0, 2, b'y', b'z']);
        stream.extend(TRAILER);
        for size in 1..=stream.len() {
            let mut reader = TupleReader::default();
            let mut tuples = Vec::new();
            for piece in stream.chunks(size) {
                reader.feed(Bytes::copy_from_slice(piece));
                while let Some(tuple) = reader.next(2).unwrap() {
                    tuples.push(tuple.to_vec());
                }
            }
            assert!(reader.ended());
            assert_eq!(tuples, [&[0, 0, 0, 1, b'x', 255, 255, 255, 255][..], &[0, 0, 0, 0, 0, 0, 0, 2, b'y', b'z']]);
        }
        let mut reader = TupleReader::default();
        reader.feed(Bytes::from_static(b"PGCOPY\n\xff\r\n\x01\0\0\0\0\0\0\0\0"));
        assert!(reader.next(1).is_err());
    }
    #[test]
    fn a_stream_ends_with_its_trailer_and_with_nothing_else() {
        let row = [0, 1, 0, 0, 0, 1, b'x'];
        let read = |tail: &[&[u8]]| {
            let mut reader = TupleReader::default();
            let mut rows = 0;
            for piece in [&[HEADER, &row[..]], tail].concat() {
                reader.feed(Bytes::copy_from_slice(piece));
                while reader.next(1)?.is_some() {
                    rows += 1;
                }
            }
            Ok::<_, ValueError>((rows, reader.ended()))
        };
        assert_eq!(read(&[&TRAILER]).unwrap(), (1, true));
        assert_eq!(read(&[]).unwrap(), (1, false));
        assert_eq!(read(&[&TRAILER[..1]]).unwrap(), (1, false));
        assert_eq!(read(&[&row[..6]]).unwrap(), (1, false));
        for tail in [&[&TRAILER[..], &[0]][..], &[&TRAILER, &row], &[&[255, 255, 0]]] {
            assert!(read(tail).unwrap_err().to_string().contains("bytes follow the trailer"));
        }
    }
}
