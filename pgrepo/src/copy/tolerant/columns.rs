use crate::copy::{frame, merge};
use crate::error::{Error, ErrorKind, Result};
use crate::table::{FieldError, Place, WriteRow};
use crate::value::TypeInfo;

/// What is sent of a row, and as what.
pub(super) struct Columns {
    /// The method, for messages.
    operation: &'static str,
    pub(super) place: Place,
    /// Which of the row's fields are sent.
    pub(super) marks: Vec<bool>,
    all: bool,
    /// Whether a row's number is sent behind it, as into the table of a merge.
    numbered: bool,
    /// The types of those.
    pub(super) types: Vec<TypeInfo>,
}

impl Columns {
    pub(super) fn new(operation: &'static str, place: Place, marks: Vec<bool>, numbered: bool) -> Self {
        let all = marks.iter().all(|mark| *mark);
        Self { operation, place, marks, all, numbered, types: Vec::new() }
    }

    /// Appends a row, the source's `index`th, as one tuple. On an error, which names field and column, `out` is as it was.
    #[inline]
    pub(super) fn encode<R: WriteRow>(&self, index: u64, row: &R, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let encoded = match (self.numbered, self.all) {
            (true, _) => merge::encode(row, &self.marks, &self.types, index, out),
            (false, true) => frame::encode_row(row, &self.types, out),
            (false, false) => frame::encode_marked(row, &self.marks, &self.types, out),
        };
        if encoded.is_ok() && frame::row_length(out.len() - start).is_ok() {
            return Ok(());
        }
        let length = out.len() - start;
        out.truncate(start);
        Err(self.refused::<R>(encoded.err(), length))
    }

    /// The error of a field, or of the length of the row.
    #[cold]
    #[inline(never)]
    fn refused<R: WriteRow>(&self, field: Option<FieldError>, length: usize) -> Error {
        let refused = match (field, frame::row_length(length)) {
            (Some(error), _) => {
                let refused = Error::new(ErrorKind::Encode, "the value cannot be sent").caused_by(error.error);
                match R::COLUMNS.get(error.index) {
                    Some(meta) => refused.at_field(meta.spec.field).at_column(meta.spec.name),
                    None => refused,
                }
            }
            (None, Err(error)) => Error::new(ErrorKind::Encode, "the row cannot be sent").caused_by(error),
            (None, Ok(())) => Error::new(ErrorKind::Encode, "the row cannot be sent"),
        };
        self.blame(refused)
    }

    #[cold]
    pub(super) fn blame(&self, error: Error) -> Error {
        self.place.blame(error.during(self.operation))
    }
}
