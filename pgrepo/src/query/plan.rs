use std::sync::Arc;

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::driver_row::{Misfit, Places};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::driver::Prepared;
use crate::table::{FieldError, Fields, FromRow};
use crate::value::TypeInfo;

/// How the columns of a result become the fields of a row type: worked out once for a statement.
#[derive(Debug)]
pub(crate) struct Plan {
    fields: Fields,
    places: Arc<Places>,
    prepared: Arc<Prepared>,
}

impl Plan {
    /// Finds each field's column, and checks its type.
    pub(crate) fn new(fields: Fields, prepared: &Arc<Prepared>) -> Result<Self> {
        let places = places(&fields, prepared)?;
        Ok(Self { fields, places, prepared: Arc::clone(prepared) })
    }

    /// Works the plan out anew if the statement was prepared again behind it and its columns are others now.
    ///
    /// Asked of the first row of each run.
    pub(crate) fn refreshed(&mut self, row: &PgRow) -> Result<()> {
        use sqlx::Column;
        let (columns, before) = (row.columns(), self.prepared.columns());
        let same = std::ptr::eq(columns, before)
            || columns.len() == before.len()
                && columns
                    .iter()
                    .zip(before)
                    .all(|(now, then)| now.name() == then.name() && now.type_info().oid() == then.type_info().oid());
        if !same {
            self.places = Arc::new(Places::of(columns, &self.fields).map_err(misfit)?);
        }
        Ok(())
    }

    /// Reads a row.
    #[inline]
    pub(crate) fn read<'r, T: FromRow>(&self, row: &'r PgRow, index: u64) -> Result<T::Row<'r>> {
        T::from_row(&mut self.places.cells(row)).map_err(|e| self.failed(e, index))
    }

    #[cold]
    fn failed(&self, error: FieldError, index: u64) -> Error {
        unreadable(self.fields, self.places.ty(error.index), error, index)
    }
}

/// Finds the columns that a row type reads of a statement's result, and checks their types.
pub(crate) fn places(fields: &Fields, prepared: &Prepared) -> Result<Arc<Places>> {
    prepared.places(fields).map_err(misfit)
}

/// A value of a row that does not fit its field.
pub(crate) fn unreadable(fields: Fields, ty: Option<&TypeInfo>, error: FieldError, index: u64) -> Error {
    let ty = ty.map_or_else(|| "?".to_owned(), TypeInfo::to_string);
    let failed = match (fields, fields.columns().get(error.index)) {
        (Fields::Named(_), Some(meta)) => {
            Error::new(ErrorKind::Decode, format!("the {ty} value cannot be read into `{}`", meta.rust_type()))
                .at_field(meta.spec.field)
                .at_column(meta.spec.name)
        }
        (_, Some(meta)) => {
            let message = format!(
                "value {} of the row, of the type {ty}, cannot be read into `{}`",
                error.index + 1,
                meta.rust_type()
            );
            Error::new(ErrorKind::Decode, message)
        }
        (_, None) => Error::new(ErrorKind::Decode, "the row cannot be read"),
    };
    failed.at_row(index).caused_by(error.error)
}

/// A result that does not fit a row type.
pub(crate) fn misfit(misfit: Misfit) -> Error {
    let error = Error::new(ErrorKind::Mismatch, misfit.to_string());
    match misfit.meta() {
        Some(meta) if !meta.spec.name.is_empty() => error.at_field(meta.spec.field).at_column(meta.spec.name),
        _ => error,
    }
}
