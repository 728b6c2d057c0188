use std::any::Any;
use std::fmt;

use crate::value::{Decode, Encode, ValueError};

use super::{ColumnMeta, PgTable};

/// What is wrong with one field of a row: which, and why.
#[derive(Debug)]
pub struct FieldError {
    /// The field's place among the columns that were walked, from 0.
    pub index: usize,
    /// The reason.
    pub error: ValueError,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {}", self.index)
    }
}

impl std::error::Error for FieldError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// The columns that a row type reads, and how they are found in a result.
#[derive(Debug, Clone, Copy)]
pub enum Fields {
    /// By their names, in any order, among others.
    Named(&'static [ColumnMeta]),
    /// By their places; the result has exactly as many columns.
    Positional(&'static [ColumnMeta]),
}

impl Fields {
    /// The columns.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Fields, FromRow};
    /// assert_eq!(<(i64, String)>::FIELDS.columns().len(), 2);
    /// ```
    pub const fn columns(&self) -> &'static [ColumnMeta] {
        match self {
            Self::Named(columns) | Self::Positional(columns) => columns,
        }
    }

    /// Whether these are the same columns, and not only equal ones.
    pub(crate) fn same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && std::ptr::eq(self.columns(), other.columns())
    }
}

/// The fields of one row, handed out in the order in which a struct declares them.
///
/// # Examples
/// ```
/// use pgrepo::{Cells, FieldError};
///
/// /// Reads a pair, or leaves it out where its first field is NULL.
/// fn pair<'r>(cells: &mut impl Cells<'r>) -> Result<Option<(i64, &'r str)>, FieldError> {
///     if cells.is_null(0) {
///         cells.skip(2);
///         return Ok(None);
///     }
///     Ok(Some((cells.next()?, cells.next()?)))
/// }
/// ```
pub trait Cells<'r> {
    /// Decodes the next field.
    ///
    /// # Errors
    /// The value does not fit `V`, with the field's place.
    fn next<V: Decode<'r>>(&mut self) -> Result<V, FieldError>;

    /// Whether the value is NULL so many fields behind the next one; 0 asks for the next one itself.
    fn is_null(&self, ahead: usize) -> bool;

    /// Leaves out so many fields.
    fn skip(&mut self, fields: usize);

    /// The next field's place, and how the driver holds it: its row and the place in it, if there is a driver's row.
    fn next_driver(&mut self) -> (usize, Option<(&'r dyn Any, usize)>);
}

/// A type that one row of a result can be read into: a derived struct, a tuple, or a single value.
///
/// The type stands for a family: `Row<'r>` is the struct whose references live as long as the row's buffer.
///
/// # Examples
/// ```no_run
/// use pgrepo::{Cells, FieldError, Fields, FromRow};
///
/// /// A range of numbers, from two columns of a result.
/// struct Span(std::ops::Range<i64>);
///
/// impl FromRow for Span {
///     type Row<'r> = Self;
///     const FIELDS: Fields = <(i64, i64)>::FIELDS;
///
///     fn from_row<'r, C: Cells<'r>>(cells: &mut C) -> Result<Self, FieldError> {
///         Ok(Self(cells.next()?..cells.next()?))
///     }
/// }
/// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
/// let Span(ids) = db.query("SELECT min(id), max(id) + 1 FROM users").fetch_one().await?;
/// # let _: std::ops::Range<i64> = ids;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a row cannot be read into `{Self}`",
    label = "not a row type",
    note = "derive PgTable or PgRecord for it, or use a tuple or a single value"
)]
pub trait FromRow {
    /// The row that borrows from a buffer of the life `'r`.
    type Row<'r>;
    /// The columns it reads.
    const FIELDS: Fields;
    /// Reads a row.
    ///
    /// # Errors
    /// The first field that does not fit.
    fn from_row<'r, C: Cells<'r>>(cells: &mut C) -> Result<Self::Row<'r>, FieldError>;
}

/// A row type that borrows nothing, so that its rows can be collected.
#[diagnostic::on_unimplemented(
    message = "`{Self}` borrows from its row, so its rows cannot be collected",
    label = "borrows from the row's buffer",
    note = "read it one at a time with `next()` or `for_each`, or give it fields that own their data"
)]
pub trait OwnedRow: Sized + Send + for<'r> FromRow<Row<'r> = Self> {}

impl<T: Sized + Send + for<'r> FromRow<Row<'r> = T>> OwnedRow for T {}

/// A row type whose every field goes through pgrepo's own codec, so that `COPY … TO` can be read into it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from COPY",
    label = "has a field that goes through sqlx, whose decoders cannot read COPY",
    note = "read it with `find`, `stream` or a query instead"
)]
pub trait CopyOut: FromRow {}

/// Takes the fields of a row one by one, in the order of [`WriteFields::COLUMNS`].
///
/// # Examples
/// ```
/// use pgrepo::{Encode, FieldError, FieldWriter, Set, WriteFields};
///
/// /// Counts the fields that a row sends.
/// struct Sent(usize);
///
/// impl FieldWriter for Sent {
///     fn field<V: Encode + ?Sized>(&mut self, _: &V) -> Result<(), FieldError> {
///         self.0 += 1;
///         Ok(())
///     }
///
///     fn set<V: Encode>(&mut self, value: &Set<V>) -> Result<(), FieldError> {
///         match value {
///             Set::To(value) => self.field(value),
///             Set::Server => Ok(()),
///         }
///     }
/// }
/// # #[derive(pgrepo::PgTable)]
/// # #[pg(table = "users", new = "NewUser")]
/// # struct User { name: String, #[pg(default)] rank: i32 }
/// let mut sent = Sent(0);
/// NewUser { name: "Ann".into(), rank: Set::Server }.write_fields(&mut sent)?;
/// assert_eq!(sent.0, 1);
/// # Ok::<(), FieldError>(())
/// ```
pub trait FieldWriter {
    /// Takes a field.
    ///
    /// # Errors
    /// The value cannot be written, with the field's place.
    fn field<V: Encode + ?Sized>(&mut self, value: &V) -> Result<(), FieldError>;

    /// Takes a field that may be left to the server.
    ///
    /// # Errors
    /// As [`field`](Self::field), and when a load mixes values with fields left to the server.
    fn set<V: Encode>(&mut self, value: &Set<V>) -> Result<(), FieldError>;
}

/// A struct whose fields can be written.
///
/// # Examples
/// ```
/// use pgrepo::WriteFields;
/// # #[derive(pgrepo::PgRecord)]
/// # struct Point { x: i32, y: i32 }
/// let columns: Vec<String> = Point::COLUMNS.iter().map(|column| column.spec.name.to_string()).collect();
/// assert_eq!(columns, ["x", "y"]);
/// ```
pub trait WriteFields {
    /// The columns that [`write_fields`](Self::write_fields) hands over, in that order.
    const COLUMNS: &'static [ColumnMeta];

    /// Hands over each field.
    ///
    /// # Errors
    /// The first that `writer` refuses.
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) -> Result<(), FieldError>;
}

/// A row that can be written to a table: the table's own struct, its `New…` struct, or one for some of its columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written to a table",
    label = "not a row that can be written",
    note = "a view's struct is read-only; write a table's own struct, its `new` struct, or one with \
            #[derive(PgInsert)] #[pg(of = …)]"
)]
pub trait WriteRow: WriteFields {
    /// The struct of the table that it goes to.
    type Table: PgTable;
}

impl<R: WriteFields + ?Sized> WriteFields for &R {
    const COLUMNS: &'static [ColumnMeta] = R::COLUMNS;

    #[inline]
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) -> Result<(), FieldError> {
        R::write_fields(self, writer)
    }
}

impl<R: WriteRow + ?Sized> WriteRow for &R {
    type Table = R::Table;
}

/// The value of a column with a default: given, or left to the server.
///
/// Binary COPY has no way to say DEFAULT for one row, so all rows of a load agree for each column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Set<V> {
    /// The server fills the column in.
    #[default]
    Server,
    /// This value is stored.
    To(V),
}

impl<V> From<V> for Set<V> {
    fn from(value: V) -> Self {
        Self::To(value)
    }
}
