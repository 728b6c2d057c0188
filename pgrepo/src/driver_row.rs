//! The driver's rows and types, as the codec sees them.

use std::any::Any;
use std::fmt;

use sqlx::postgres::{PgColumn, PgRow, PgTypeInfo, PgTypeKind, PgValueFormat};
use sqlx::{Column, Row, TypeInfo as _, ValueRef};

use crate::table::{Cells, ColumnMeta, FieldError, Fields, FromRow};
use crate::value::{Decode, PgType, TypeInfo, TypeKind, ValueError, ValueErrorKind, decode_field};

/// Reads a row of sqlx's into a derived struct: the body of the derived `sqlx::FromRow`.
///
/// # Errors
/// As those of sqlx: a column that is not there, or whose type or value does not fit its field.
pub fn from_pg_row<T: FromRow>(row: &PgRow) -> Result<T::Row<'_>, sqlx::Error> {
    Places::of(row.columns(), &T::FIELDS)?.read::<T>(row)
}

/// Reads the rows of one result, whose columns are looked up once, and hands each over: for the benchmark, which has
/// rows without a connection. Streams keep the columns' places with the prepared statement.
///
/// # Errors
/// As [`from_pg_row`]'s.
pub fn from_pg_rows<'r, T: FromRow>(rows: &'r [PgRow], mut take: impl FnMut(T::Row<'r>)) -> Result<(), sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(()) };
    let places = Places::of(first.columns(), &T::FIELDS)?;
    rows.iter().try_for_each(|row| places.read::<T>(row).map(&mut take))
}

/// Where the columns that a row type reads stand in a result, with the result's types; found once for all its rows.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    columns: Vec<usize>,
    types: Vec<TypeInfo>,
}

impl Places {
    /// Finds the columns and compares the types.
    pub(crate) fn of(found: &[PgColumn], fields: &Fields) -> Result<Self, Misfit> {
        let wanted = fields.columns();
        if matches!(fields, Fields::Positional(_)) && found.len() != wanted.len() {
            return Err(Misfit::Count { wanted: wanted.len(), found: found.len() });
        }
        let mut places = Self { columns: Vec::with_capacity(wanted.len()), types: Vec::with_capacity(wanted.len()) };
        for (index, meta) in wanted.iter().enumerate() {
            let column = match fields {
                Fields::Positional(_) => index,
                Fields::Named(_) => named(found, meta)?,
            };
            let ty = found.get(column).map_or(TypeInfo::UNKNOWN, |c| type_info(c.type_info()));
            if !meta.accepts(&ty) {
                return Err(Misfit::Type { meta, found: ty, place: index });
            }
            places.columns.push(column);
            places.types.push(ty);
        }
        Ok(places)
    }

    fn read<'r, T: FromRow>(&self, row: &'r PgRow) -> Result<T::Row<'r>, sqlx::Error> {
        T::from_row(&mut self.cells(row)).map_err(|e| sqlx::Error::ColumnDecode {
            index: T::FIELDS.columns().get(e.index).map_or_else(|| e.index.to_string(), |c| c.spec.name.to_string()),
            source: e.error.into(),
        })
    }

    /// The places of the columns in the result, and their types, in the order of the fields.
    pub(crate) fn columns(&self) -> (&[usize], &[TypeInfo]) {
        (&self.columns, &self.types)
    }

    /// The type of the result's column for a field.
    pub(crate) fn ty(&self, field: usize) -> Option<&TypeInfo> {
        self.types.get(field)
    }

    /// The cells of one row of the result.
    pub(crate) fn cells<'r, 'p>(&'p self, row: &'r PgRow) -> RowCells<'r, 'p> {
        RowCells::new(row, &self.columns, &self.types)
    }
}

/// A column by its name.
fn named(found: &[PgColumn], meta: &'static ColumnMeta) -> Result<usize, Misfit> {
    let mut all = found.iter().enumerate().filter(|(_, c)| meta.spec.name == *c.name()).map(|(i, _)| i);
    match (all.next(), all.next()) {
        (Some(column), None) => Ok(column),
        (None, _) => {
            let names = found.iter().map(|c| c.name()).collect::<Vec<_>>().join(", ");
            Err(Misfit::Missing { meta, found: names })
        }
        (Some(_), Some(_)) => Err(Misfit::Ambiguous { meta }),
    }
}

/// Why a result cannot be read into a row type.
#[derive(Debug)]
pub(crate) enum Misfit {
    /// The result has no such column.
    Missing { meta: &'static ColumnMeta, found: String },
    /// The result has several columns of the name.
    Ambiguous { meta: &'static ColumnMeta },
    /// The result's column has a type that the field does not take.
    Type { meta: &'static ColumnMeta, found: TypeInfo, place: usize },
    /// The result has another number of columns than the tuple.
    Count { wanted: usize, found: usize },
}

impl Misfit {
    /// The field's column, where one field is at fault.
    pub(crate) fn meta(&self) -> Option<&ColumnMeta> {
        match self {
            Self::Missing { meta, .. } | Self::Ambiguous { meta } | Self::Type { meta, .. } => Some(meta),
            Self::Count { .. } => None,
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { found, .. } => write!(f, "the result has no such column; it has {found}"),
            Self::Ambiguous { .. } => write!(f, "the result has several columns of this name"),
            Self::Type { meta, found, place } => {
                match meta.spec.name.is_empty() {
                    true => write!(f, "value {} of the result is {found}", place + 1)?,
                    false => write!(f, "the result's column is {found}")?,
                }
                write!(f, " and is read into `{}`, which stands for {}", meta.rust_type(), meta.sql_type())
            }
            Self::Count { wanted, found } => write!(f, "the result has {found} columns where {wanted} are read"),
        }
    }
}

impl std::error::Error for Misfit {}

impl From<Misfit> for sqlx::Error {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::Missing { meta, .. } => Self::ColumnNotFound(meta.spec.name.to_string()),
            Misfit::Type { meta, .. } => {
                Self::ColumnDecode { index: meta.spec.name.to_string(), source: Box::new(misfit) }
            }
            other => Self::Decode(Box::new(other)),
        }
    }
}

/// The fields of one row of the driver's.
#[derive(Debug)]
pub(crate) struct RowCells<'r, 'p> {
    row: &'r PgRow,
    columns: &'p [usize],
    types: &'p [TypeInfo],
    index: usize,
}

impl<'r, 'p> RowCells<'r, 'p> {
    /// The cells of a row at these places of it, with their types.
    pub(crate) fn new(row: &'r PgRow, places: &'p [usize], types: &'p [TypeInfo]) -> Self {
        Self { row, columns: places, types, index: 0 }
    }

    fn step(&mut self) -> (usize, usize) {
        let index = self.index;
        self.index += 1;
        (index, self.columns.get(index).copied().unwrap_or(usize::MAX))
    }
}

/// The bytes of one value, `None` for NULL.
pub(crate) fn body(row: &PgRow, column: usize) -> Result<Option<&[u8]>, ValueError> {
    let value = row.try_get_raw(column).map_err(|e| ValueErrorKind::Driver(Box::new(e)))?;
    if value.format() == PgValueFormat::Text {
        return Err(text_format());
    }
    if value.is_null() {
        return Ok(None);
    }
    value.as_bytes().map(Some).map_err(|e| ValueErrorKind::Driver(e).into())
}

/// The value of the last column.
pub(crate) fn last<'r, V: Decode<'r>>(row: &'r PgRow) -> Result<V, ValueError> {
    let column = row.columns().len().saturating_sub(1);
    let ty = row.columns().last().map_or(TypeInfo::UNKNOWN, |c| type_info(c.type_info()));
    decode_field(&ty, body(row, column)?)
}

#[cold]
fn text_format() -> ValueError {
    let reason = "the row came as text, which the simple query protocol sends: use a prepared statement";
    ValueErrorKind::Invalid(reason.to_owned()).into()
}

impl<'r> Cells<'r> for RowCells<'r, '_> {
    #[inline]
    fn next<V: Decode<'r>>(&mut self) -> Result<V, FieldError> {
        let (index, column) = self.step();
        let ty = self.types.get(index).unwrap_or(const { &TypeInfo::UNKNOWN });
        body(self.row, column).and_then(|body| decode_field(ty, body)).map_err(|error| FieldError { index, error })
    }

    fn is_null(&self, ahead: usize) -> bool {
        let column = self.columns.get(self.index + ahead).copied().unwrap_or(usize::MAX);
        self.row.try_get_raw(column).is_ok_and(|value| value.is_null())
    }

    fn skip(&mut self, fields: usize) {
        self.index += fields;
    }

    fn next_driver(&mut self) -> (usize, Option<(&'r dyn Any, usize)>) {
        let (index, column) = self.step();
        (index, Some((self.row, column)))
    }
}

/// A type as the driver describes it.
pub(crate) fn type_info(ty: &PgTypeInfo) -> TypeInfo {
    let oid = ty.oid().map_or(0, |oid| oid.0);
    if let Some(known) = builtin(oid) {
        return TypeInfo::builtin(known);
    }
    // The driver panics when it is asked for the kind of a type that it did not look up; it calls such a type `?`.
    if ty.name() == "?" {
        return TypeInfo::new(oid, "unknown", TypeKind::Plain);
    }
    let (schema, name) = qualified(ty.name());
    // The driver shouts the names of built-in types.
    let name = if oid < FIRST_OWN && schema.is_none() { name.to_lowercase() } else { name };
    let kind = match ty.kind() {
        PgTypeKind::Array(element) => TypeKind::Array(type_info(element).into()),
        PgTypeKind::Domain(base) => TypeKind::Domain(type_info(base).into()),
        PgTypeKind::Enum(_) => TypeKind::Enum,
        _ => TypeKind::Plain,
    };
    let ty = TypeInfo::new(oid, name, kind);
    match schema {
        Some(schema) => ty.with_schema(schema),
        None => ty,
    }
}

/// The type of a common column by its OID.
pub(crate) fn builtin(oid: u32) -> Option<PgType> {
    BUILTIN.iter().find(|known| known.oid == oid).copied()
}

/// The first OID that is not of the server's own objects (`FirstNormalObjectId`).
pub(crate) const FIRST_OWN: u32 = 16384;

/// The types of the common columns, so that no name is copied for them.
const BUILTIN: &[PgType] = &[
    PgType::INT8,
    PgType::TEXT,
    PgType::INT4,
    PgType::FLOAT8,
    PgType::BOOL,
    PgType::TIMESTAMPTZ,
    PgType::UUID,
    PgType::JSONB,
    PgType::VARCHAR,
    PgType::DATE,
    PgType::NUMERIC,
    PgType::INT2,
    PgType::BYTEA,
    PgType::FLOAT4,
    PgType::TIMESTAMP,
    PgType::JSON,
    PgType::TIME,
    PgType::BPCHAR,
    PgType::NAME,
    PgType::OID,
    PgType::TIMETZ,
    PgType::INTERVAL,
];

/// Splits a name as `regtype` prints it: perhaps with a schema, each part perhaps in quotation marks.
pub(crate) fn qualified(text: &str) -> (Option<String>, String) {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                push(&mut parts, '"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => push(&mut parts, c),
        }
    }
    let name = parts.pop().unwrap_or_default();
    (parts.pop(), name)
}

fn push(parts: &mut [String], c: char) {
    if let Some(last) = parts.last_mut() {
        last.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_are_split_as_the_server_quotes_them() {
        let split = |text| qualified(text);
        assert_eq!(split("mood"), (None, "mood".to_owned()));
        assert_eq!(split("app.mood"), (Some("app".to_owned()), "mood".to_owned()));
        assert_eq!(split("\"a.b\".\"say \"\"hi\"\"\""), (Some("a.b".to_owned()), "say \"hi\"".to_owned()));
        assert_eq!(split("\"Mood\"[]"), (None, "Mood[]".to_owned()));
    }

    #[test]
    fn types_of_the_driver_are_described() {
        use sqlx::Type;
        let ty = type_info(&<i64 as Type<sqlx::Postgres>>::type_info());
        assert_eq!((ty.oid(), ty.name()), (20, "int8"));
        let ty = type_info(&<Vec<i32> as Type<sqlx::Postgres>>::type_info());
        assert_eq!((ty.oid(), ty.name()), (1007, "int4[]"));
        assert_eq!(ty.element().map(TypeInfo::oid), Some(23));
        let ty = type_info(&PgTypeInfo::with_oid(sqlx::postgres::types::Oid(99_999)));
        assert_eq!((ty.oid(), ty.name()), (99_999, "unknown"));
    }
}
