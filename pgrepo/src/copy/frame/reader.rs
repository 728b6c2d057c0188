use std::ops::Range;

use bytes::Bytes;

use crate::value::{ValueError, ValueErrorKind};

use super::{HEADER, TRAILER};

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
    pub(in crate::copy) fn find(&mut self, columns: usize) -> Result<Option<Range<usize>>, ValueError> {
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
    pub(in crate::copy) fn tuple(&self, found: Range<usize>) -> &[u8] {
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

#[cfg(test)]
mod tests {
    use super::*;

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
