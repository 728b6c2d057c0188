//! How generated code walks fields that stand in a column as something else: as JSON, or through sqlx.
//! Not a part of the API; in the way of [`super::field`].

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::Json;
use crate::via_sqlx::{self, DriverRead, DriverType, DriverWrite, ViaSqlx};

use super::field::Unfit;
use super::{Cells, ColumnMeta, FieldError, FieldWriter, Set, Spec};

/// A type that serde can write; every such type is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept as JSON, which #[pg(json)] asks for",
    label = "lacks serde's `Serialize`"
)]
pub trait KeptAsJson: Serialize {}

impl<V: Serialize> KeptAsJson for V {}

/// A type that serde can read without borrowing; every such type is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from JSON, which #[pg(json)] asks for",
    label = "lacks serde's `Deserialize`, or borrows"
)]
pub trait ReadFromJson: DeserializeOwned {}

impl<V: DeserializeOwned> ReadFromJson for V {}

/// The column of a field marked `#[pg(json)]`.
pub const fn json_column<V: KeptAsJson>(spec: Spec) -> ColumnMeta {
    ColumnMeta::of::<Json<V>>(spec)
}

/// The column of a field marked `#[pg(via_sqlx)]`.
pub const fn driver_column<V: DriverType>(spec: Spec) -> ColumnMeta {
    ColumnMeta::of::<ViaSqlx<V>>(spec)
}

/// Walks a kind of fields: how a value is read, and as what it is written.
macro_rules! walker {
    ($(#[$doc:meta])* $name:ident($v:ident: $bound:ident, $reads:path, $writes:path) of $value:ty,
     read $cells:ident $read:block, write $given:ident $write:expr) => {
        $(#[$doc])*
        pub struct $name<V>(PhantomData<V>);

        impl<$v: $bound> $name<$v> {
            /// Reads it.
            ///
            /// # Errors
            /// The value does not fit.
            #[inline]
            pub fn read<'r, C: Cells<'r>>($cells: &mut C) -> Result<$value, FieldError>
            where
                $v: $reads,
            $read

            /// Writes it.
            ///
            /// # Errors
            /// As [`FieldWriter::field`].
            #[inline]
            pub fn write<W: FieldWriter>($given: &$value, writer: &mut W) -> Result<(), FieldError>
            where
                $v: $writes,
            {
                writer.field(&$write)
            }

            /// Writes it, unless it is left to the server.
            ///
            /// # Errors
            /// As [`FieldWriter::set`].
            #[inline]
            pub fn write_set<W: FieldWriter>(value: &Set<$value>, writer: &mut W) -> Result<(), FieldError>
            where
                $v: $writes,
            {
                match value {
                    Set::To($given) => writer.set(&Set::To($write)),
                    Set::Server => writer.set(&Set::<Json<()>>::Server),
                }
            }
        }

        impl<$v> Unfit<$value> for $name<$v> {}
    };
}

walker! {
    /// A field that is kept as JSON.
    JsonField(V: KeptAsJson, ReadFromJson, KeptAsJson) of V,
    read cells { cells.next::<Json<V>>().map(|json| json.0) },
    write value Json(value)
}
walker! {
    /// A field that is kept as JSON, or NULL for `None`.
    JsonOption(V: KeptAsJson, ReadFromJson, KeptAsJson) of Option<V>,
    read cells { Ok(cells.next::<Option<Json<V>>>()?.map(|json| json.0)) },
    write value value.as_ref().map(Json)
}
walker! {
    /// A field that goes through sqlx.
    DriverField(V: DriverType, DriverRead, DriverWrite) of V,
    read cells { via_sqlx::read(cells) },
    write value via_sqlx::Borrowed(value)
}
walker! {
    /// A field that goes through sqlx, or NULL for `None`.
    DriverOption(V: DriverType, DriverRead, DriverWrite) of Option<V>,
    read cells { via_sqlx::read_option(cells) },
    write value value.as_ref().map(via_sqlx::Borrowed)
}
