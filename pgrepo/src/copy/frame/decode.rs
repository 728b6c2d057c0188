use std::any::Any;

use crate::table::{Cells, FieldError, FromRow};
use crate::value::{Decode, TypeInfo, decode_field, take_field};

use super::UNKNOWN;

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
