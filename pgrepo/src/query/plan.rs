use sqlx::postgres::PgRow;
use sqlx::{Column, Row};

use crate::driver_row::{RowCells, type_info};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::driver::{Prepared, ResultColumn};
use crate::table::{FieldError, Fields, FromRow};
use crate::value::TypeInfo;

/// How the columns of a result become the fields of a row type: worked out once for a statement.
#[derive(Debug)]
pub(crate) struct Plan {
    fields: Fields,
    places: Vec<usize>,
    types: Vec<TypeInfo>,
    oids: Vec<u32>,
}

impl Plan {
    /// Finds each field's column, and checks its type.
    pub(crate) fn new(fields: Fields, prepared: &Prepared) -> Result<Self> {
        Self::of_columns(fields, &prepared.columns)
    }

    fn of_columns(fields: Fields, columns: &[ResultColumn]) -> Result<Self> {
        let metas = fields.columns();
        if let Fields::Positional(_) = fields
            && metas.len() != columns.len()
        {
            let message = format!("the result has {} columns and {} are read", columns.len(), metas.len());
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        let mut places = Vec::with_capacity(metas.len());
        let mut types = Vec::with_capacity(metas.len());
        for (i, meta) in metas.iter().enumerate() {
            let place = match fields {
                Fields::Positional(_) => Some(i),
                Fields::Named(_) => columns.iter().position(|c| meta.spec.name == *c.name.as_str()),
            };
            let Some((place, column)) = place.and_then(|p| Some((p, columns.get(p)?))) else {
                let names = columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Error::new(ErrorKind::Mismatch, format!("the result has no such column; it has {names}"))
                    .at_field(meta.spec.field)
                    .at_column(meta.spec.name));
            };
            if !meta.accepts(&column.ty) {
                let message = format!(
                    "the result's column is {} and the field is `{}`, which stands for {}",
                    column.ty,
                    meta.spec.rust_type,
                    meta.sql_type()
                );
                return Err(Error::new(ErrorKind::Mismatch, message).at_field(meta.spec.field).at_column(&column.name));
            }
            places.push(place);
            types.push(column.ty.clone());
        }
        let oids = columns.iter().map(|c| c.ty.oid()).collect();
        Ok(Self { fields, places, types, oids })
    }

    /// Works the plan out anew if the statement was prepared again behind it and its columns are others now.
    ///
    /// Asked of the first row of each run.
    pub(crate) fn refreshed(&mut self, row: &PgRow) -> Result<()> {
        let same = row.columns().len() == self.oids.len()
            && row.columns().iter().zip(&self.oids).all(|(c, oid)| c.type_info().oid().is_some_and(|o| o.0 == *oid));
        if !same {
            let columns: Vec<_> = row
                .columns()
                .iter()
                .map(|c| ResultColumn { name: c.name().to_owned(), ty: type_info(c.type_info()) })
                .collect();
            *self = Self::of_columns(self.fields, &columns)?;
        }
        Ok(())
    }

    /// Reads a row.
    #[inline]
    pub(crate) fn read<'r, T: FromRow>(&'r self, row: &'r PgRow, index: u64) -> Result<T::Row<'r>> {
        T::from_row(&mut RowCells::new(row, &self.places, &self.types)).map_err(|e| self.failed(e, index))
    }

    #[cold]
    fn failed(&self, error: FieldError, index: u64) -> Error {
        unreadable(self.fields, self.types.get(error.index), error, index)
    }
}

/// A value of a row that does not fit its field.
pub(crate) fn unreadable(fields: Fields, ty: Option<&TypeInfo>, error: FieldError, index: u64) -> Error {
    let mut failed = Error::new(ErrorKind::Decode, "the value cannot be read").at_row(index);
    if let Some(meta) = fields.columns().get(error.index) {
        let ty = ty.map_or_else(|| "?".to_owned(), TypeInfo::to_string);
        failed = Error::new(ErrorKind::Decode, format!("the {ty} value cannot be read into `{}`", meta.spec.rust_type))
            .at_row(index)
            .at_field(meta.spec.field);
        if !meta.spec.name.is_empty() {
            failed = failed.at_column(meta.spec.name);
        }
    }
    failed.caused_by(error.error)
}
