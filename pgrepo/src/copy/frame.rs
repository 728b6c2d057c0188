//! The bytes of binary COPY: header, tuples, trailer
//! (<https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY-FORMAT>).
//!
//! Nothing here does I/O.

use crate::value::{MAX_FIELD, TypeInfo, ValueError, ValueErrorKind};

mod decode;
mod encode;
mod reader;

pub use decode::decode_row;
pub use encode::{encode_marked, encode_row, sent};
pub use reader::TupleReader;

/// What a binary COPY begins with: signature, flags, and an empty extension.
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with. The server accepts a stream without it, so rows are counted as well.
pub const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

const UNKNOWN: &TypeInfo = &TypeInfo::UNKNOWN;

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
}
