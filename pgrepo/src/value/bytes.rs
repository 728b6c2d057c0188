//! bytea (<https://www.postgresql.org/docs/current/datatype-binary.html>): the body is the bytes as they stand.
//!
//! `u8` is no [`Element`], so `Vec<u8>` is bytea and never an array; an array of bytea is `Vec<Vec<u8>>`.

use std::borrow::Cow;

use bytes::Bytes;

use super::{Decode, Element, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind, field_length};

macro_rules! bytea {
    ($([$($n:tt)*] $rust:ty),+ $(,)?) => {$(
        impl<$($n)*> SqlType for $rust {
            const TYPES: &'static [PgType] = &[PgType::BYTEA];
        }
        impl<$($n)*> Element for $rust {}
        impl<$($n)*> Encode for $rust {
            #[inline]
            fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
                put_bytes(self, out)
            }
        }
    )+};
}
bytea!([] [u8], [] Vec<u8>, [] Box<[u8]>, [] Bytes, [] Cow<'_, [u8]>, [const N: usize] [u8; N]);

/// Appends a field of these bytes.
///
/// # Errors
/// [`ValueErrorKind::TooLarge`].
///
/// # Examples
/// ```
/// let mut field = Vec::new();
/// pgrepo::value::put_bytes(b"abc", &mut field)?;
/// assert_eq!(field, [0, 0, 0, 3, b'a', b'b', b'c']);
/// # Ok::<(), pgrepo::ValueError>(())
/// ```
#[inline]
pub fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    out.extend_from_slice(&field_length(bytes.len())?);
    out.extend_from_slice(bytes);
    Ok(())
}

impl<'r> Decode<'r> for &'r [u8] {
    #[inline]
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        Ok(body)
    }
}

impl<'r> Decode<'r> for Vec<u8> {
    #[inline]
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        Ok(body.to_vec())
    }
}

impl<'r> Decode<'r> for Box<[u8]> {
    #[inline]
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        Ok(body.into())
    }
}

/// A copy: the row's buffer is reused.
impl<'r> Decode<'r> for Bytes {
    #[inline]
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        Ok(Self::copy_from_slice(body))
    }
}

/// Borrows from the row: `Cow::Borrowed`.
impl<'r> Decode<'r> for Cow<'r, [u8]> {
    #[inline]
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        Ok(Cow::Borrowed(body))
    }
}

/// Exactly `N` bytes: a digest, a key.
impl<'r, const N: usize> Decode<'r> for [u8; N] {
    #[inline]
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        body.try_into().map_err(|_| ValueErrorKind::Length { expected: N, found: body.len() }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, refused};
    use super::*;

    #[test]
    fn bodies() {
        assert_eq!(body(&[0_u8, 255][..], PgType::BYTEA), [0, 255]);
        assert!(body(&Vec::<u8>::new(), PgType::BYTEA).is_empty());
        assert_eq!(body(&Bytes::from_static(b"\0"), PgType::BYTEA), [0]);
        assert_eq!(body(&[7_u8; 3], PgType::BYTEA), [7, 7, 7]);
    }

    #[test]
    fn borrowed_and_fixed() {
        let ty = TypeInfo::builtin(PgType::BYTEA);
        let bytes = [1, 2];
        assert!(std::ptr::eq(<&[u8]>::decode(&ty, &bytes).unwrap(), &bytes[..]));
        assert!(matches!(Cow::<[u8]>::decode(&ty, &bytes).unwrap(), Cow::Borrowed([1, 2])));
        assert_eq!(<[u8; 2]>::decode(&ty, &bytes).unwrap(), [1, 2]);
        let error = <[u8; 3]>::decode(&ty, &bytes).unwrap_err();
        assert!(matches!(error.kind(), ValueErrorKind::Length { expected: 3, found: 2 }));
    }

    #[test]
    fn one_gibibyte_is_refused() {
        let most = vec![0_u8; super::super::MAX_FIELD + 1];
        let error = refused(&most[..], PgType::BYTEA);
        assert!(matches!(error.kind(), ValueErrorKind::TooLarge { length } if *length == most.len()));
    }

    #[test]
    fn it_is_no_array() {
        assert!(Vec::<u8>::accepts(&TypeInfo::builtin(PgType::BYTEA)));
        assert!(!Vec::<u8>::accepts(&TypeInfo::builtin(PgType::BOOL)));
        const { assert!(!<Vec<u8> as SqlType>::ARRAY) };
        const { assert!(<Vec<Vec<u8>> as SqlType>::ARRAY) };
    }
}
