use crate::table::{FieldError, FieldWriter, Set, WriteFields};
use crate::value::{Encode, TypeInfo, ValueError, ValueErrorKind};

use super::UNKNOWN;

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
