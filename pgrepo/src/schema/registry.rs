//! The derived tables of a program.

#[cfg(feature = "registry")]
use crate::table::{PgTable, TableMeta};

/// A table's struct, as its derive submits it.
#[cfg(feature = "registry")]
#[derive(Debug, Clone, Copy)]
pub struct Registered(pub(super) TableMeta);

#[cfg(feature = "registry")]
impl Registered {
    /// Describes a struct.
    pub const fn of<T: PgTable>() -> Self {
        Self(T::TABLE)
    }
}

#[cfg(feature = "registry")]
inventory::collect!(Registered);

/// The descriptions of all of them, in the order of the tables' names and then of the structs'.
#[cfg(feature = "registry")]
pub(super) fn all() -> Vec<TableMeta> {
    let mut all: Vec<TableMeta> = inventory::iter::<Registered>.into_iter().map(|one| one.0).collect();
    all.sort_by_key(|table| (table.schema, table.name, table.rust_type));
    all
}

/// Submits a struct to the program's list.
#[cfg(feature = "registry")]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($table:ty) => {
        $crate::__private::inventory::submit! { $crate::__private::Registered::of::<$table>() }
    };
}

/// Does nothing: the feature `registry` is off.
#[cfg(not(feature = "registry"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($table:ty) => {};
}
