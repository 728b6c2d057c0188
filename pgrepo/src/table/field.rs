//! How generated code walks the fields of a struct; not a part of the API.
//!
//! Each kind of field has a type here, `Field<V>` for a plain one. Its functions need the bounds of `V`; where these
//! do not hold, [`Unfit`] takes their place, so that the one assertion in a struct's description is the only error.

use std::marker::PhantomData;

use crate::value::{Decode, Encode, PgType, SqlType};

use super::{Cells, ColumnMeta, CopyOut, FieldError, FieldWriter, FromRow, Record, Set, Spec, WriteFields};

/// A field whose type is a column's.
pub struct Field<V>(PhantomData<V>);

impl<V: SqlType> Field<V> {
    /// Reads it.
    ///
    /// # Errors
    /// As [`Cells::next`].
    #[inline]
    pub fn read<'r, C: Cells<'r>>(cells: &mut C) -> Result<V, FieldError>
    where
        V: Decode<'r>,
    {
        cells.next()
    }

    /// Writes it.
    ///
    /// # Errors
    /// As [`FieldWriter::field`].
    #[inline]
    pub fn write<W: FieldWriter>(value: &V, writer: &mut W) -> Result<(), FieldError>
    where
        V: Encode,
    {
        writer.field(value)
    }

    /// Writes it, unless it is left to the server.
    ///
    /// # Errors
    /// As [`FieldWriter::set`].
    #[inline]
    pub fn write_set<W: FieldWriter>(value: &Set<V>, writer: &mut W) -> Result<(), FieldError>
    where
        V: Encode,
    {
        writer.set(value)
    }
}

/// An embedded struct.
pub struct Flat<E>(PhantomData<E>);

impl<E: Record> Flat<E> {
    /// Its columns' names and marks.
    pub const SPECS: &'static [Spec] = E::SPECS;
    /// Its columns.
    pub const COLUMNS: &'static [ColumnMeta] = E::COLUMNS;

    /// Reads it.
    ///
    /// # Errors
    /// As [`FromRow::from_row`].
    #[inline]
    pub fn read<'r, C: Cells<'r>>(cells: &mut C) -> Result<E::Row<'r>, FieldError>
    where
        E: FromRow,
    {
        E::from_row(cells)
    }

    /// Writes it.
    ///
    /// # Errors
    /// As [`WriteFields::write_fields`].
    #[inline]
    pub fn write<W: FieldWriter>(value: &E, writer: &mut W) -> Result<(), FieldError>
    where
        E: WriteFields,
    {
        value.write_fields(writer)
    }
}

/// Stands in for a field whose type lacks what a column needs. It is never run: such a struct does not compile.
pub trait Unfit<V> {
    /// In the place of a read.
    ///
    /// # Errors
    /// None.
    fn read<C>(_: &mut C) -> Result<V, FieldError> {
        unreachable!("the struct does not compile")
    }

    /// In the place of a write.
    ///
    /// # Errors
    /// None.
    fn write<W>(_: &V, _: &mut W) -> Result<(), FieldError> {
        Ok(())
    }

    /// In the place of a write of a choice.
    ///
    /// # Errors
    /// None.
    fn write_set<W>(_: &Set<V>, _: &mut W) -> Result<(), FieldError> {
        Ok(())
    }
}

impl<V> Unfit<V> for Field<V> {}
impl<E> Unfit<E> for Flat<E> {}

/// Stands in for an embedded struct that has no columns.
pub trait UnfitRecord {
    /// None.
    const SPECS: &'static [Spec] = &[];
    /// None.
    const COLUMNS: &'static [ColumnMeta] = &[];
}

impl<E> UnfitRecord for Flat<E> {}

/// A type that a skipped field can be filled with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no default, which a field marked #[pg(skip)] is filled with",
    label = "does not implement `Default`"
)]
pub trait Skipped: Default {}

impl<V: Default> Skipped for V {}

/// Fills a skipped field.
pub fn skipped<V: Skipped>() -> V {
    V::default()
}

/// [`CopyOut`], asked for where it is used and not where a struct is derived.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from COPY",
    label = "embeds a struct with a field that goes through sqlx, whose decoders cannot read COPY"
)]
pub trait CopyOutFor<'c> {}

impl<E: CopyOut> CopyOutFor<'_> for E {}

/// The type of the name among those that a Rust type stands for; none where there is no such type.
pub const fn declared(types: &'static [PgType], name: &str) -> &'static [PgType] {
    let mut rest = types;
    while !rest.is_empty() {
        let (first, others) = rest.split_at(1);
        if same(first[0].name, name) {
            return first;
        }
        rest = others;
    }
    rest
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

/// How many columns are written: all but the generated ones, and those of identity if they are asked for.
pub const fn count(specs: &[Spec], identity: bool) -> usize {
    let (mut i, mut n) = (0, 0);
    while i < specs.len() {
        if !specs[i].generated && (identity || !specs[i].identity) {
            n += 1;
        }
        i += 1;
    }
    n
}

/// The columns that [`count`] counts.
pub const fn kept<const N: usize>(columns: &[ColumnMeta], identity: bool) -> [ColumnMeta; N] {
    let mut all = [ColumnMeta::EMPTY; N];
    let (mut i, mut n) = (0, 0);
    while i < columns.len() {
        if !columns[i].spec.generated && (identity || !columns[i].spec.identity) {
            all[n] = columns[i];
            n += 1;
        }
        i += 1;
    }
    all
}
