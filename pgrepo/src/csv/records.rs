//! Records of CSV out of bytes: where each begins, what its fields are, and that none takes more memory than it may.

use std::ops::Range;
use std::task::{Context, Poll, ready};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use tokio::io::AsyncRead;

use crate::error::{Error, ErrorKind, Result};
use crate::lines::{Source, broken};

/// The most fields that a record is read with; a table has at most 1,600 columns.
const MAX_FIELDS: usize = 16 * 1024;

/// Cuts bytes into records.
pub(super) struct Records {
    core: Reader,
    text: Vec<u8>,
    length: usize,
    ends: Vec<usize>,
    count: usize,
    /// Whether a record has begun.
    within: bool,
    /// The line that the record begins on.
    line: u64,
    /// The last byte that was read.
    last: u8,
    max_record: usize,
    /// Whether a blank line is a record of one empty field, as it is where there is one column.
    pub(super) blank_is_record: bool,
}

impl Records {
    pub(super) fn new(delimiter: u8, max_record: usize) -> Self {
        Self {
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            text: vec![0; max_record.clamp(1, 1024)],
            length: 0,
            ends: vec![0; 32],
            count: 0,
            within: false,
            line: 1,
            last: 0,
            max_record,
            blank_is_record: false,
        }
    }

    /// The line that the record begins on, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The line that the record ends on.
    pub(super) fn last_line(&self) -> u64 {
        self.core.line() - u64::from(self.last == b'\n' && !self.within)
    }

    /// How many fields the record has.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The bytes of all fields, one behind the other.
    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// Where a field stands in them.
    pub(super) fn place(&self, field: usize) -> Range<usize> {
        let end = |index: usize| self.ends.get(index).copied().unwrap_or_default();
        field.checked_sub(1).map_or(0, end)..end(field)
    }

    /// Looks for the next record, and says whether there is one.
    ///
    /// # Errors
    /// The reader's own, and data in which no next record can be told.
    pub(super) fn poll_next<R: AsyncRead>(
        &mut self,
        source: &mut Source<R>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool>> {
        loop {
            let input = ready!(source.poll_fill(cx)).map_err(broken)?;
            if !self.within {
                self.line = self.core.line();
                (self.length, self.count) = (0, 0);
                match input.first() {
                    None => return Poll::Ready(Ok(false)),
                    Some(&byte @ (b'\r' | b'\n')) => {
                        // The second half of what ended the record before is no line of its own.
                        let blank = byte == b'\r' || self.last != b'\r';
                        self.core.read_record(&[byte], &mut self.text, &mut self.ends);
                        source.consume(1);
                        self.last = byte;
                        if blank && self.blank_is_record {
                            self.count = 1;
                            if let Some(end) = self.ends.first_mut() {
                                *end = 0;
                            }
                            return Poll::Ready(Ok(true));
                        }
                        continue;
                    }
                    Some(_) => self.within = true,
                }
            }
            // The end of the data ends a line, but none in quotation marks: there it is a character like others.
            let ended = input.is_empty();
            let input = if ended { b"\n" } else { input };
            let text = self.text.get_mut(self.length..).unwrap_or_default();
            let ends = self.ends.get_mut(self.count..).unwrap_or_default();
            let (result, read, written, fields) = self.core.read_record(input, text, ends);
            self.last = read.checked_sub(1).and_then(|at| input.get(at)).copied().unwrap_or(self.last);
            if !ended {
                source.consume(read);
            }
            self.length += written;
            self.count += fields;
            match result {
                ReadRecordResult::Record => {
                    self.within = false;
                    return Poll::Ready(Ok(true));
                }
                // Full is what has no room left, so there is room for one more than there may be.
                ReadRecordResult::OutputFull => {
                    if !grow(&mut self.text, self.max_record.saturating_add(1)) {
                        let max = self.max_record;
                        return Poll::Ready(Err(
                            self.lost(format_args!("has more than the {max} bytes that one may have"))
                        ));
                    }
                }
                ReadRecordResult::OutputEndsFull => {
                    if !grow(&mut self.ends, MAX_FIELDS + 1) {
                        let what = format_args!("has more than the {MAX_FIELDS} fields that one may have");
                        return Poll::Ready(Err(self.lost(what)));
                    }
                }
                ReadRecordResult::InputEmpty if ended => {
                    return Poll::Ready(Err(self.lost(format_args!("ends with the data, inside of a quoted field"))));
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::End => return Poll::Ready(Ok(false)),
            }
        }
    }

    /// How many bytes it has room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.text.capacity()
    }

    /// Where the next record begins cannot be told any more.
    #[cold]
    fn lost(&self, what: std::fmt::Arguments<'_>) -> Error {
        let line = self.line;
        let message = format!("the record that begins on line {line} {what}; a quotation mark may be missing");
        Error::new(ErrorKind::Io, message)
    }

    /// The record as a line of CSV: not its very bytes, but what they mean.
    pub(super) fn written(&self, delimiter: u8) -> String {
        let mut all = String::new();
        for field in 0..self.count {
            if field > 0 {
                all.push(char::from(delimiter));
            }
            let text = String::from_utf8_lossy(self.text().get(self.place(field)).unwrap_or_default());
            if text.bytes().any(|b| b == delimiter || matches!(b, b'"' | b'\n' | b'\r')) {
                all.push('"');
                all.push_str(&text.replace('"', "\"\""));
                all.push('"');
            } else {
                all.push_str(&text);
            }
        }
        all
    }
}

/// Makes more room, up to a limit; says whether there was any to make.
fn grow<V: Clone + Default>(room: &mut Vec<V>, max: usize) -> bool {
    let more = (room.len() * 2).min(max);
    let grows = more > room.len();
    if grows {
        room.reserve_exact(more - room.len());
        room.resize(more, V::default());
    }
    grows
}
