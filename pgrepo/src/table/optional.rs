//! How generated code reads an embedded struct that may be absent; not a part of the API, and in the way of
//! [`super::field`].

use std::marker::PhantomData;

use super::field::Unfit;
use super::{Cells, FieldError, FromRow, PrimaryKey, Record, Spec, WriteFields};

/// A struct whose absence shows in its key, which no row has without; every struct with a primary key is one.
#[diagnostic::on_unimplemented(
    message = "nothing says whether the joined row of `{Self}` is absent",
    label = "has no primary key, so NULL in all its columns may also be a row that is there",
    note = "mark its key with #[pg(primary_key)] in a struct that derives PgTable, or ask for a column that says so: \
            #[pg(flatten = \"…_\", marker)]"
)]
pub trait AbsentByKey: PrimaryKey {}

impl<E: PrimaryKey> AbsentByKey for E {}

/// The place of the first column of the key.
const fn key(specs: &[Spec]) -> usize {
    let mut i = 0;
    while i < specs.len() && !specs[i].primary_key {
        i += 1;
    }
    i
}

/// An embedded struct that is absent where its key is NULL.
pub struct OptionalByKey<E>(PhantomData<E>);

impl<E: AbsentByKey> OptionalByKey<E> {
    const KEY: usize = key(E::SPECS);

    /// Reads it.
    ///
    /// # Errors
    /// As [`FromRow::from_row`].
    #[inline]
    pub fn read<'r, C: Cells<'r>>(cells: &mut C) -> Result<Option<E::Row<'r>>, FieldError>
    where
        E: FromRow,
    {
        if cells.is_null(Self::KEY) {
            cells.skip(E::SPECS.len());
            return Ok(None);
        }
        E::from_row(cells).map(Some)
    }
}

/// An embedded struct that is absent where the column before its own says so.
pub struct OptionalByMarker<E>(PhantomData<E>);

impl<E: Record> OptionalByMarker<E> {
    /// Reads the marker and the struct.
    ///
    /// # Errors
    /// As [`FromRow::from_row`].
    #[inline]
    pub fn read<'r, C: Cells<'r>>(cells: &mut C) -> Result<Option<E::Row<'r>>, FieldError>
    where
        E: FromRow,
    {
        if cells.next::<bool>()? {
            return E::from_row(cells).map(Some);
        }
        cells.skip(E::SPECS.len());
        Ok(None)
    }
}

impl<E> Unfit<Option<E>> for OptionalByKey<E> {}
impl<E> Unfit<Option<E>> for OptionalByMarker<E> {}

/// [`WriteFields`], asked for where a struct is written and not where it is derived.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written to a table",
    label = "is only read: it belongs to a view, or holds a struct that may be absent"
)]
pub trait WrittenFor<'c>: WriteFields {}

impl<E: WriteFields> WrittenFor<'_> for E {}
