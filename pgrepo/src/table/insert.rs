//! What `#[derive(PgInsert)]` rests on; not a part of the API.

use super::problem::same_name;
use super::{CanWrite, Column, ColumnMeta, Record, Writes};

/// The description of the column that a field of the type `A` is written to.
///
/// The bounds are the checks: `W` says that the column may be written, and `A` that the value is one for it.
///
/// # Panics
/// The column is not of the table; the derive's constants are.
pub const fn insert_column<A, T, V, W>(column: Column<T, V, W>, field: &'static str, rust: &'static str) -> ColumnMeta
where
    A: Writes<V>,
    T: Record,
    W: CanWrite,
{
    let all = T::COLUMNS;
    let mut i = 0;
    while i < all.len() {
        if same_name(&all[i].spec.name, &column.name()) {
            return all[i].of_field(field, rust);
        }
        i += 1;
    }
    panic!("the column is not one of the table's")
}
