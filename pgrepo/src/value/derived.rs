//! What the derives of enums and newtypes rest on; not a part of the API.

use std::fmt;
use std::marker::PhantomData;

use super::{Decode, Element, Encode, PgType, SqlType, TypeDefinition, TypeInfo, ValueError, ValueErrorKind};

/// The error of a label that no variant has.
#[cold]
pub fn unknown_label(body: &[u8], name: &str, labels: &[&str]) -> ValueError {
    let found = String::from_utf8_lossy(body);
    ValueErrorKind::Invalid(format!("{found:?} is no label of `{name}`, which has {}", listed(labels))).into()
}

/// The error of a number that no variant has.
#[cold]
pub fn unknown_number<N: fmt::Debug>(found: N, name: &str, numbers: &[N]) -> ValueError {
    ValueErrorKind::Invalid(format!("{found:?} is no number of `{name}`, which has {}", listed(numbers))).into()
}

fn listed<T: fmt::Debug>(all: &[T]) -> String {
    all.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(", ")
}

/// A domain's name before the types that its base stands for.
pub const fn with_domain<const N: usize>(domain: PgType, base: &[PgType]) -> [PgType; N] {
    let mut all = [domain; N];
    let mut i = 0;
    while i < base.len() && i + 1 < N {
        all[i + 1] = base[i];
        i += 1;
    }
    all
}

/// The type that a domain rests on.
pub const fn first(types: &[PgType]) -> PgType {
    if types.is_empty() { PgType::UNKNOWN } else { types[0] }
}

/// [`Element`], asked for where it is used and not where a newtype is derived.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be the element of an array", label = "no array element")]
pub trait ElementFor<'c> {}

impl<V: Element> ElementFor<'_> for V {}

/// The codec of a newtype's field.
///
/// Where the field's type fits no column, [`UnfitType`] takes the place of these functions, so that the derived impl's
/// one assertion is the only error.
pub struct TypeOf<V>(PhantomData<V>);

impl<V: SqlType> TypeOf<V> {
    /// The type's.
    pub const TYPES: &'static [PgType] = V::TYPES;
    /// The type's.
    pub const ARRAY: bool = V::ARRAY;
    /// The type's.
    pub const NULLABLE: bool = V::NULLABLE;
    /// The type's.
    pub const DEFINITION: Option<&'static TypeDefinition> = V::DEFINITION;

    /// The type's.
    pub fn accepts(ty: &TypeInfo) -> bool {
        V::accepts(ty)
    }

    /// The type's.
    ///
    /// # Errors
    /// The type's.
    #[inline]
    pub fn encode(value: &V, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError>
    where
        V: Encode,
    {
        value.encode(ty, out)
    }

    /// The type's.
    #[inline]
    pub fn is_null(value: &V) -> bool
    where
        V: Encode,
    {
        value.is_null()
    }

    /// The type's.
    ///
    /// # Errors
    /// The type's.
    #[inline]
    pub fn decode<'r>(ty: &TypeInfo, body: &'r [u8]) -> Result<V, ValueError>
    where
        V: Decode<'r>,
    {
        V::decode(ty, body)
    }

    /// The type's.
    ///
    /// # Errors
    /// The type's.
    #[inline]
    pub fn decode_null<'r>() -> Result<V, ValueError>
    where
        V: Decode<'r>,
    {
        V::decode_null()
    }
}

/// Stands in for a type that fits no column; never run.
pub trait UnfitType<V> {
    /// None.
    const TYPES: &'static [PgType] = &[];
    /// No.
    const ARRAY: bool = false;
    /// No.
    const NULLABLE: bool = false;
    /// None.
    const DEFINITION: Option<&'static TypeDefinition> = None;

    /// Nothing.
    fn accepts(_: &TypeInfo) -> bool {
        false
    }

    /// Nothing.
    ///
    /// # Errors
    /// None.
    fn encode(_: &V, _: &TypeInfo, _: &mut Vec<u8>) -> Result<(), ValueError> {
        Ok(())
    }

    /// No.
    fn is_null(_: &V) -> bool {
        false
    }

    /// In the place of a read.
    ///
    /// # Errors
    /// None.
    fn decode(_: &TypeInfo, _: &[u8]) -> Result<V, ValueError> {
        unreachable!("the newtype does not compile")
    }

    /// In the place of a read.
    ///
    /// # Errors
    /// None.
    fn decode_null() -> Result<V, ValueError> {
        unreachable!("the newtype does not compile")
    }
}

impl<V> UnfitType<V> for TypeOf<V> {}
