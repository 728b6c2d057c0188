//! The driver's rows and types, seen through our codec.

use std::any::Any;
use std::sync::Arc;

use sqlx::postgres::{PgRow, PgTypeInfo, PgTypeKind, PgValueFormat};
use sqlx::{Row, TypeInfo as _, ValueRef};

use crate::table::{Cells, FieldError};
use crate::value::{Decode, TypeInfo, TypeKind, ValueErrorKind, decode_field};

/// The driver's description of a type as ours.
pub(crate) fn type_info(ty: &PgTypeInfo) -> TypeInfo {
    let oid = ty.oid().map_or(0, |oid| oid.0);
    match ty.kind() {
        PgTypeKind::Array(element) => {
            let element = type_info(element);
            TypeInfo::new(oid, format!("{}[]", element.name()), TypeKind::Array(Arc::new(element)))
        }
        PgTypeKind::Domain(base) => {
            TypeInfo::new(oid, ty.name().to_lowercase(), TypeKind::Domain(Arc::new(type_info(base))))
        }
        _ => TypeInfo::new(oid, ty.name().to_lowercase(), TypeKind::Plain),
    }
}

/// The fields of the driver's row, in the order of a plan's places.
pub(crate) struct RowCells<'r> {
    row: &'r PgRow,
    places: &'r [usize],
    types: &'r [TypeInfo],
    index: usize,
}

impl<'r> RowCells<'r> {
    pub(crate) fn new(row: &'r PgRow, places: &'r [usize], types: &'r [TypeInfo]) -> Self {
        Self { row, places, types, index: 0 }
    }
}

impl<'r> Cells<'r> for RowCells<'r> {
    #[inline]
    fn next<V: Decode<'r>>(&mut self) -> Result<V, FieldError> {
        let index = self.index;
        self.index += 1;
        let ty = self.types.get(index).unwrap_or(const { &TypeInfo::UNKNOWN });
        let place = self.places.get(index).copied().unwrap_or(usize::MAX);
        let fail = |error: Box<dyn std::error::Error + Send + Sync>| ValueErrorKind::Driver(error).into();
        let value = match self.row.try_get_raw(place) {
            Ok(value) => value,
            Err(error) => return Err(FieldError { index, error: fail(error.into()) }),
        };
        if value.format() == PgValueFormat::Text {
            let error = ValueErrorKind::Invalid("the value came as text, not in the binary format".into()).into();
            return Err(FieldError { index, error });
        }
        let body = if value.is_null() { None } else { value.as_bytes().ok() };
        decode_field(ty, body).map_err(|error| FieldError { index, error })
    }

    fn next_driver(&mut self) -> Option<(&'r dyn Any, usize, &'r TypeInfo)> {
        let index = self.index;
        self.index += 1;
        Some((self.row, *self.places.get(index)?, self.types.get(index)?))
    }
}
