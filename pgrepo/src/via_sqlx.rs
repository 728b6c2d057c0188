//! Types that have sqlx's traits and not ours: fields marked `#[pg(via_sqlx)]`.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgRow, PgTypeInfo};
use sqlx::{Postgres, Row, Type, TypeInfo as _, ValueRef};

use crate::driver_row::{builtin, qualified};
use crate::table::{Cells, FieldError};
use crate::value::{Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind, encode_sized};

macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident: [$($bound:tt)*], $message:literal, $label:literal;)+) => {$(
        $(#[$doc])*
        #[diagnostic::on_unimplemented(message = $message, label = $label)]
        pub trait $name: $($bound)* {}

        impl<V: $($bound)*> $name for V {}
    )+};
}
parts! {
    /// A type that sqlx knows; every such type is one.
    DriverType: [Type<Postgres>],
        "`{Self}` cannot go through sqlx, which #[pg(via_sqlx)] asks for", "lacks sqlx's `Type<Postgres>`";
    /// A type that sqlx can write; every such type is one.
    DriverWrite: [DriverType + for<'q> sqlx::Encode<'q, Postgres>],
        "`{Self}` cannot be written through sqlx, which #[pg(via_sqlx)] asks for", "lacks sqlx's `Encode`";
    /// A type that sqlx can read; every such type is one.
    DriverRead: [DriverType + for<'r> sqlx::Decode<'r, Postgres>],
        "`{Self}` cannot be read through sqlx, which #[pg(via_sqlx)] asks for", "lacks sqlx's `Decode`";
}

/// A value that goes through sqlx's own codec: the column type of a field marked `#[pg(via_sqlx)]`.
///
/// It can be written everywhere and read from queries, but not from `COPY … TO`, whose bytes sqlx cannot decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ViaSqlx<V>(pub V);

impl<V> From<V> for ViaSqlx<V> {
    fn from(value: V) -> Self {
        Self(value)
    }
}

impl<V: Type<Postgres>> SqlType for ViaSqlx<V> {
    /// None: sqlx names its types at run time only.
    const TYPES: &'static [PgType] = &[];

    fn accepts(ty: &TypeInfo) -> bool {
        accepts::<V>(ty)
    }
}

impl<V: DriverWrite> Encode for ViaSqlx<V> {
    fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        put(&self.0, out)
    }
}

/// The same by reference.
pub(crate) struct Borrowed<'v, V>(pub(crate) &'v V);

impl<V: Type<Postgres>> SqlType for Borrowed<'_, V> {
    const TYPES: &'static [PgType] = &[];

    fn accepts(ty: &TypeInfo) -> bool {
        accepts::<V>(ty)
    }
}

impl<V: DriverWrite> Encode for Borrowed<'_, V> {
    fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        put(self.0, out)
    }
}

/// sqlx compares a type that is only known by name with one that is only known by OID as equal, so names are
/// compared here.
fn accepts<V: Type<Postgres>>(ty: &TypeInfo) -> bool {
    let own = V::type_info();
    // A type that sqlx takes by a name (text types also take citext) is equal to every OID, so a built-in type is
    // shown to it by its name.
    let shown = |ty: &TypeInfo| match builtin(ty.oid()) {
        Some(known) => PgTypeInfo::with_name(known.name),
        None => PgTypeInfo::with_oid(Oid(ty.oid())),
    };
    if let Some(oid) = own.oid() {
        // Of an array or a range sqlx asks what it is made of, and panics where it was shown no more than its name.
        let made = own.name().ends_with("[]") || own.name().ends_with("RANGE");
        let known = |ty: &TypeInfo| ty.oid() == oid.0 || !made && V::compatible(&shown(ty));
        return known(ty) || known(ty.base());
    }
    let (schema, name) = qualified(own.name());
    let name = name.strip_prefix('_').map_or(name.clone(), |element| format!("{element}[]"));
    [ty, ty.base()].iter().any(|ty| {
        name.eq_ignore_ascii_case(ty.name())
            && schema.as_deref().is_none_or(|own| ty.schema().is_none_or(|found| own == found))
    })
}

/// Appends a field in the form that sqlx gives it.
///
/// The buffer is new for each value: one that is used again keeps what values left in it.
///
/// # Errors
/// sqlx refuses the value.
fn put<V: DriverWrite>(value: &V, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let mut buffer = PgArgumentBuffer::default();
    match value.encode_by_ref(&mut buffer).map_err(refused)? {
        IsNull::Yes => {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            Ok(())
        }
        IsNull::No => encode_sized(out, |out| {
            out.extend_from_slice(&buffer);
            Ok(())
        }),
    }
}

/// Reads the next field through sqlx.
///
/// # Errors
/// sqlx refuses the value, or the row is not the driver's.
pub(crate) fn read<'r, V: DriverRead, C: Cells<'r>>(cells: &mut C) -> Result<V, FieldError> {
    through(cells, |value| <V as sqlx::Decode<'r, Postgres>>::decode(value).map_err(refused))
}

/// Reads the next field through sqlx, if it is not NULL.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_option<'r, V: DriverRead, C: Cells<'r>>(cells: &mut C) -> Result<Option<V>, FieldError> {
    through(cells, |value| {
        if value.is_null() {
            return Ok(None);
        }
        <V as sqlx::Decode<'r, Postgres>>::decode(value).map(Some).map_err(refused)
    })
}

fn through<'r, T, C: Cells<'r>>(
    cells: &mut C,
    read: impl FnOnce(sqlx::postgres::PgValueRef<'r>) -> Result<T, ValueError>,
) -> Result<T, FieldError> {
    let (index, held) = cells.next_driver();
    let value = held
        .and_then(|(row, column)| Some((row.downcast_ref::<PgRow>()?, column)))
        .ok_or_else(foreign)
        .and_then(|(row, column)| row.try_get_raw(column).map_err(|e| refused(Box::new(e))));
    value.and_then(read).map_err(|error| FieldError { index, error })
}

#[cold]
fn foreign() -> ValueError {
    let reason = "the field goes through sqlx, which can read rows of a query only, not COPY's";
    ValueErrorKind::Invalid(reason.to_owned()).into()
}

#[cold]
fn refused(error: BoxDynError) -> ValueError {
    ValueErrorKind::Driver(error).into()
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::types::PgRange;

    use super::*;
    use crate::value::TypeKind;

    struct Mood;

    impl Type<Postgres> for Mood {
        fn type_info() -> PgTypeInfo {
            PgTypeInfo::with_name("app.Mood")
        }
    }

    #[test]
    fn types_are_compared_as_sqlx_does_or_by_name() {
        let plain = |oid, name: &'static str| TypeInfo::new(oid, name, TypeKind::Plain);
        assert!(ViaSqlx::<String>::accepts(&TypeInfo::builtin(PgType::VARCHAR)));
        assert!(!ViaSqlx::<String>::accepts(&TypeInfo::builtin(PgType::INT8)));
        assert!(ViaSqlx::<PgRange<i32>>::accepts(&plain(3904, "int4range")));
        assert!(!ViaSqlx::<PgRange<i32>>::accepts(&plain(3926, "int8range")));
        assert!(!ViaSqlx::<PgRange<i32>>::accepts(&TypeInfo::builtin(PgType::INT4)));
        assert!(ViaSqlx::<Vec<i32>>::accepts(&plain(1007, "int4[]")));
        assert!(!ViaSqlx::<Vec<i32>>::accepts(&plain(1016, "int8[]")));
        assert!(ViaSqlx::<Mood>::accepts(&plain(50_000, "mood")));
        assert!(!ViaSqlx::<Mood>::accepts(&plain(50_000, "mood").with_schema("other")));
        assert!(!ViaSqlx::<Mood>::accepts(&plain(50_000, "food")));
    }

    #[test]
    fn values_are_written_as_fields() {
        let mut out = Vec::new();
        ViaSqlx(7_i32).encode(&TypeInfo::UNKNOWN, &mut out).unwrap();
        ViaSqlx(None::<i32>).encode(&TypeInfo::UNKNOWN, &mut out).unwrap();
        assert_eq!(out, b"\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff");
    }
}
