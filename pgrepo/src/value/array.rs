//! Arrays of one dimension (<https://www.postgresql.org/docs/current/arrays.html>), as `Vec<T>`, `[T]`, `Box<[T]>`
//! and `[T; N]`; NULL elements as `Option<T>`.
//!
//! The body is the number of dimensions, a flag for NULLs, the elements' OID, for each dimension its length and lower
//! bound, and then the elements, each as a field. No elements is no dimension.
//! PostgreSQL's columns keep neither the number of dimensions nor their bounds, so an array with two dimensions, or
//! with another lower bound than 1, may arrive; a `Vec` cannot say either, so it is an error.

use std::fmt;
use std::marker::PhantomData;

use super::number::exactly;
use super::{
    Decode, Encode, PgType, SqlType, TypeDefinition, TypeInfo, ValueError, ValueErrorKind, decode_field, encode_sized,
    take_field,
};

/// A type that may be the element of an array.
///
/// Every type of the codec is one, but for `u8` (so that `Vec<u8>` is bytea) and arrays themselves. The derives of
/// enums and newtypes implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the element of an array",
    label = "no array element",
    note = "bytea is Vec<u8>; arrays of arrays are not supported"
)]
pub trait Element {}

impl<T: Element> Element for Option<T> {}
impl<T: Element + ?Sized> Element for &T {}

macro_rules! arrays {
    ($([$($g:tt)*] $rust:ty),+) => {$(
        impl<T: Element + SqlType, $($g)*> SqlType for $rust {
            const TYPES: &'static [PgType] = T::TYPES;
            const DEFINITION: Option<&'static TypeDefinition> = T::DEFINITION;
            const ARRAY: bool = true;

            fn accepts(ty: &TypeInfo) -> bool {
                ty.element().is_some_and(T::accepts)
            }
        }

        impl<T: Element + Encode, $($g)*> Encode for $rust {
            #[inline]
            fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
                put_array(self, ty, out)
            }
        }
    )+};
}
arrays!([] [T], [] Vec<T>, [] Box<[T]>, [const N: usize] [T; N]);

/// Appends an array's field.
#[inline]
fn put_array<T: Encode>(items: &[T], ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let element = element_of(ty)?;
    put_items(items, T::NULLABLE, element, out, |item, out| item.encode(element, out))
}

/// Appends an array's field, whose elements are written by `put`.
#[inline]
pub(crate) fn put_items<T>(
    items: &[T],
    nullable: bool,
    element: &TypeInfo,
    out: &mut Vec<u8>,
    put: impl Fn(&T, &mut Vec<u8>) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    encode_sized(out, |out| {
        let oid = element.oid().to_be_bytes();
        let [a, b, c, d] = oid;
        if items.is_empty() {
            out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]);
            return Ok(());
        }
        let count = i32::try_from(items.len()).map_err(|_| ValueErrorKind::TooLarge { length: items.len() })?;
        let [e, f, g, h] = count.to_be_bytes();
        let head = out.len();
        out.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, a, b, c, d, e, f, g, h, 0, 0, 0, 1]);
        let mut nulls = false;
        for item in items {
            let start = out.len();
            put(item, out)?;
            nulls |= nullable && out.get(start) == Some(&0xff);
        }
        if nulls && let Some(flag) = out.get_mut(head + 7) {
            *flag = 1;
        }
        Ok(())
    })
}

/// The type of the elements.
pub(crate) fn element_of(ty: &TypeInfo) -> Result<&TypeInfo, ValueError> {
    ty.element().ok_or_else(|| ValueErrorKind::Invalid(format!("the type {ty} is no array")).into())
}

impl<'r, T: Element + Decode<'r>> Decode<'r> for Vec<T> {
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        let element = element_of(ty)?;
        get_items(element, body, |field| decode_field(element, field))
    }
}

impl<'r, T: Element + Decode<'r>> Decode<'r> for Box<[T]> {
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        Vec::decode(ty, body).map(Vec::into_boxed_slice)
    }
}

/// Exactly `N` elements.
impl<'r, T: Element + Decode<'r>, const N: usize> Decode<'r> for [T; N] {
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        Vec::decode(ty, body)?.try_into().map_err(|found: Vec<T>| {
            ValueErrorKind::Range(format!("the array has {} elements where {N} were expected", found.len())).into()
        })
    }
}

/// Reads an array's body, whose elements are read by `get`.
pub(super) fn get_items<'r, T>(
    element: &TypeInfo,
    body: &'r [u8],
    get: impl Fn(Option<&'r [u8]>) -> Result<T, ValueError>,
) -> Result<Vec<T>, ValueError> {
    let (count, mut rest) = header(element, body)?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(get(take_field(&mut rest)?)?);
    }
    if rest.is_empty() { Ok(items) } else { Err(invalid("there are bytes after the array's last element")) }
}

/// An array as it stands in the row's buffer: its elements are read when they are asked for, and nothing is allocated.
///
/// The header is checked when the row is read, the elements as [`iter`](Self::iter) comes to them.
///
/// # Examples
/// ```
/// use pgrepo::value::Items;
/// fn count_red(tags: Items<'_, &str>) -> Result<usize, pgrepo::ValueError> {
///     let mut count = 0;
///     for tag in tags.iter() {
///         count += usize::from(tag? == "red");
///     }
///     Ok(count)
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Items<'r, T> {
    count: usize,
    fields: &'r [u8],
    /// That of [`SqlType::TYPES`] which the elements have.
    element: PgType,
    of: PhantomData<fn() -> T>,
}

impl<'r, T: Decode<'r>> Items<'r, T> {
    /// The number of elements.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::value::{Decode, Encode, Items, PgType, TypeInfo, TypeKind};
    /// let ty = TypeInfo::new(1007, "int4[]", TypeKind::Array(TypeInfo::builtin(PgType::INT4).into()));
    /// let mut field = Vec::new();
    /// vec![1, 2, 3].encode(&ty, &mut field)?;
    /// let items = Items::<i32>::decode(&ty, &field[4..])?;
    /// assert_eq!(items.len(), 3);
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::value::{Decode, Encode, Items, PgType, TypeInfo, TypeKind};
    /// let ty = TypeInfo::new(1007, "int4[]", TypeKind::Array(TypeInfo::builtin(PgType::INT4).into()));
    /// let mut field = Vec::new();
    /// vec![1, 2, 3].encode(&ty, &mut field)?;
    /// let items = Items::<i32>::decode(&ty, &field[4..])?;
    /// assert!(!items.is_empty());
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Reads the elements, each of them or the error that it gives.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::value::{Decode, Encode, Items, PgType, TypeInfo, TypeKind};
    /// let ty = TypeInfo::new(1007, "int4[]", TypeKind::Array(TypeInfo::builtin(PgType::INT4).into()));
    /// let mut field = Vec::new();
    /// vec![1, 2, 3].encode(&ty, &mut field)?;
    /// let items = Items::<i32>::decode(&ty, &field[4..])?;
    /// assert_eq!(items.iter().sum::<Result<i32, _>>()?, 6);
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Result<T, ValueError>> + use<'r, T> {
        let element = TypeInfo::builtin(self.element);
        let mut rest = self.fields;
        (0..self.count).map(move |_| decode_field(&element, take_field(&mut rest)?))
    }
}

impl<T> fmt::Debug for Items<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Items({} × {})", self.count, self.element)
    }
}

impl<T: Element + SqlType> SqlType for Items<'_, T> {
    const TYPES: &'static [PgType] = T::TYPES;
    const DEFINITION: Option<&'static TypeDefinition> = T::DEFINITION;
    const ARRAY: bool = true;

    fn accepts(ty: &TypeInfo) -> bool {
        ty.element().is_some_and(T::accepts)
    }
}

impl<'r, T: Element + Decode<'r>> Decode<'r> for Items<'r, T> {
    #[inline]
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        let element = element_of(ty)?;
        let (count, fields) = header(element, body)?;
        let base = element.base();
        let Some(element) = T::TYPES.iter().find(|t| t.is(base)) else {
            return Err(ValueErrorKind::Invalid(format!("elements of the type {element} need a Vec")).into());
        };
        Ok(Self { count, fields, element: *element, of: PhantomData })
    }
}

/// The number of elements, which the bytes behind it can hold.
fn header<'r>(element: &TypeInfo, body: &'r [u8]) -> Result<(usize, &'r [u8]), ValueError> {
    let (head, rest) = body.split_at_checked(12).ok_or_else(|| invalid("the array's header is cut"))?;
    let dimensions = i32::from_be_bytes(exactly(&head[..4])?);
    let oid = u32::from_be_bytes(exactly(&head[8..])?);
    if oid != element.oid() && oid != element.base().oid() {
        return Err(ValueErrorKind::Invalid(format!(
            "the array's elements have the type with OID {oid} where {element} was expected"
        ))
        .into());
    }
    match dimensions {
        0 => return Ok((0, rest)),
        1 => {}
        2..=6 => {
            return Err(ValueErrorKind::Range(format!(
                "the array has {dimensions} dimensions, and only one dimension is supported"
            ))
            .into());
        }
        _ => return Err(invalid("the array's header is not one of PostgreSQL's")),
    }
    let (bounds, rest) = rest.split_at_checked(8).ok_or_else(|| invalid("the array's header is cut"))?;
    let count = i32::from_be_bytes(exactly(&bounds[..4])?);
    let lower = i32::from_be_bytes(exactly(&bounds[4..])?);
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= rest.len() / 4)
        .ok_or_else(|| invalid("the array declares more elements than it has"))?;
    if lower != 1 {
        return Err(
            ValueErrorKind::Range(format!("the array's first index is {lower}, and only 1 is supported")).into()
        );
    }
    Ok((count, rest))
}

#[cold]
fn invalid(reason: &str) -> ValueError {
    ValueErrorKind::Invalid(reason.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::array;
    use super::*;

    fn bytes<V: Encode + ?Sized>(value: &V, ty: &TypeInfo) -> Vec<u8> {
        let mut out = Vec::new();
        value.encode(ty, &mut out).unwrap();
        out.split_off(4)
    }

    #[test]
    fn bodies() {
        let ty = array(PgType::INT4);
        assert_eq!(bytes(&Vec::<i32>::new(), &ty), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23]);
        let one = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7];
        assert_eq!(bytes(&[7], &ty), one);
        assert_eq!(bytes(&vec![Some(7)], &ty), one);
        let nulls = bytes(&[None, Some(7)][..], &ty);
        assert_eq!(nulls[4..8], [0, 0, 0, 1]);
        assert_eq!(Vec::<Option<i32>>::decode(&ty, &nulls).unwrap(), [None, Some(7)]);
        assert!(matches!(Vec::<i32>::decode(&ty, &nulls).unwrap_err().kind(), ValueErrorKind::UnexpectedNull));
    }

    #[test]
    fn a_large_element_is_no_null() {
        // Its length begins with another byte than 0xff, whatever its size.
        let ty = array(PgType::TEXT);
        let long = "x".repeat(70_000);
        let body = bytes(&[long.as_str()], &ty);
        assert_eq!(body[4..8], [0; 4]);
        assert_eq!(Vec::<&str>::decode(&ty, &body).unwrap(), [long]);
    }

    #[test]
    fn shapes() {
        let ty = array(PgType::TEXT);
        let body = bytes(&["a", "", "ü"], &ty);
        assert_eq!(Vec::<String>::decode(&ty, &body).unwrap(), ["a", "", "ü"]);
        assert_eq!(<Box<[Box<str>]>>::decode(&ty, &body).unwrap().len(), 3);
        assert_eq!(<[&str; 3]>::decode(&ty, &body).unwrap(), ["a", "", "ü"]);
        let error = <[&str; 2]>::decode(&ty, &body).unwrap_err();
        assert_eq!(error.to_string(), "the array has 3 elements where 2 were expected");
        let bytea = array(PgType::BYTEA);
        let body = bytes(&vec![vec![0_u8], vec![]], &bytea);
        assert_eq!(Vec::<Vec<u8>>::decode(&bytea, &body).unwrap(), [vec![0], vec![]]);
    }

    #[test]
    fn lazily() {
        let ty = array(PgType::TEXT);
        let body = bytes(&[Some("a"), None, Some("ü")], &ty);
        let items = Items::<Option<&str>>::decode(&ty, &body).unwrap();
        assert_eq!((items.len(), items.is_empty()), (3, false));
        assert_eq!(items.iter().collect::<Result<Vec<_>, _>>().unwrap(), [Some("a"), None, Some("ü")]);
        let strict = Items::<&str>::decode(&ty, &body).unwrap();
        assert_eq!(strict.iter().map(|r| r.is_ok()).collect::<Vec<_>>(), [true, false, true]);
        let json = array(PgType::JSON);
        let body = bytes(&[crate::value::Json(1)], &json);
        let items = Items::<crate::value::Json<i32>>::decode(&json, &body).unwrap();
        assert_eq!(items.iter().next().unwrap().unwrap().0, 1);
    }

    #[test]
    fn types() {
        assert!(Vec::<Option<i32>>::accepts(&array(PgType::INT4)));
        assert!(!Vec::<i32>::accepts(&array(PgType::INT8)));
        assert!(!Vec::<i32>::accepts(&TypeInfo::builtin(PgType::INT4)));
        assert!(!i32::accepts(&array(PgType::INT4)));
        const { assert!(!<Vec<Option<i32>> as SqlType>::NULLABLE) };
    }

    #[test]
    fn what_a_vec_cannot_say() {
        let ty = array(PgType::INT4);
        let mut body = bytes(&[1, 2], &ty);
        body[19] = 0;
        assert_eq!(
            Vec::<i32>::decode(&ty, &body).unwrap_err().to_string(),
            "the array's first index is 0, and only 1 is supported"
        );
        body[3] = 2;
        assert!(Vec::<i32>::decode(&ty, &body).unwrap_err().to_string().contains("2 dimensions"));
    }

    #[test]
    fn hostile() {
        let ty = array(PgType::INT4);
        let good = bytes(&[1, 2], &ty);
        for cut in 0..good.len() {
            assert!(Vec::<i32>::decode(&ty, &good[..cut]).is_err(), "{cut}");
        }
        for (at, byte) in [(0, 0x7f), (11, 20), (12, 0x7f), (12, 0xff), (15, 3), (15, 1)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert!(Vec::<i32>::decode(&ty, &bad).is_err(), "{at}");
        }
    }
}
