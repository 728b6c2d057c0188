//! bool, the integers and the floats (<https://www.postgresql.org/docs/current/datatype-numeric.html>).
//!
//! Every type is of a fixed width: one byte for bool, big-endian bytes for the others. Floats keep their bits:
//! NaN, the infinities and −0 pass both ways.
//! A type goes to its own SQL type only: an `i32` on an `int8` column is refused before the first byte.

use super::{Decode, Element, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind};

/// A type of a fixed width whose binary form is its big-endian bytes: one store for length and body.
macro_rules! fixed {
    ($($rust:ty, $sql:expr, $width:literal;)+) => {$(
        impl SqlType for $rust {
            const TYPES: &'static [PgType] = &[$sql];
        }

        impl Element for $rust {}

        impl Encode for $rust {
            #[inline]
            fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
                let mut field = [0; 4 + $width];
                field[3] = $width;
                field[4..].copy_from_slice(&self.to_be_bytes());
                out.extend_from_slice(&field);
                Ok(())
            }
        }

        impl<'r> Decode<'r> for $rust {
            #[inline]
            fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
                exactly(body).map(<$rust>::from_be_bytes)
            }
        }
    )+};
}
fixed! {
    i16, PgType::INT2, 2;
    i32, PgType::INT4, 4;
    i64, PgType::INT8, 8;
    u32, PgType::OID, 4;
    f32, PgType::FLOAT4, 4;
    f64, PgType::FLOAT8, 8;
}

impl SqlType for bool {
    const TYPES: &'static [PgType] = &[PgType::BOOL];
}

impl Element for bool {}

impl Encode for bool {
    #[inline]
    fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        out.extend_from_slice(&[0, 0, 0, 1, u8::from(*self)]);
        Ok(())
    }
}

impl<'r> Decode<'r> for bool {
    #[inline]
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        match exactly(body)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [byte] => Err(ValueErrorKind::Invalid(format!("a bool is 0 or 1, not {byte}")).into()),
        }
    }
}

/// The body as an array of the type's width.
#[inline]
pub(super) fn exactly<const N: usize>(body: &[u8]) -> Result<[u8; N], ValueError> {
    body.try_into().map_err(|_| wrong_length(N, body.len()))
}

#[cold]
fn wrong_length(expected: usize, found: usize) -> ValueError {
    ValueErrorKind::Length { expected, found }.into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, round};
    use super::*;

    #[test]
    fn edges() {
        for n in [i16::MIN, -1, 0, 1, i16::MAX] {
            assert_eq!(round(&n, PgType::INT2), n);
        }
        for n in [i32::MIN, -1, 0, 1, i32::MAX] {
            assert_eq!(round(&n, PgType::INT4), n);
        }
        for n in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert_eq!(round(&n, PgType::INT8), n);
        }
        assert_eq!(body(&u32::MAX, PgType::OID), [255; 4]);
        assert_eq!(body(&-2_i16, PgType::INT2), [255, 254]);
        assert_eq!(body(&true, PgType::BOOL), [1]);
        assert!(!round(&false, PgType::BOOL));
    }

    #[test]
    fn floats_keep_their_bits() {
        for n in [f64::MIN, -0.0, 0.0, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            assert_eq!(round(&n, PgType::FLOAT8).to_bits(), n.to_bits());
        }
        for n in [f32::MIN, -0.0, f32::MAX, f32::INFINITY, f32::NAN] {
            assert_eq!(round(&n, PgType::FLOAT4).to_bits(), n.to_bits());
        }
    }

    #[test]
    fn wrong_bodies() {
        let ty = TypeInfo::builtin(PgType::INT4);
        let error = i32::decode(&ty, &[0; 8]).unwrap_err();
        assert_eq!(error.to_string(), "the value has 8 bytes where 4 were expected");
        assert!(i64::decode(&ty, &[]).is_err());
        assert!(bool::decode(&ty, &[2]).is_err());
        assert!(matches!(i32::decode_null().unwrap_err().kind(), ValueErrorKind::UnexpectedNull));
    }

    #[test]
    fn no_other_width() {
        assert!(!i64::accepts(&TypeInfo::builtin(PgType::INT4)));
        assert!(!i64::accepts(&TypeInfo::builtin(PgType::FLOAT8)));
        assert!(!i64::accepts(&TypeInfo::builtin(PgType::TIMESTAMPTZ)));
        assert!(i64::accepts(&TypeInfo::builtin(PgType::INT8)));
        assert!(!i64::accepts(&TypeInfo::UNKNOWN));
    }
}
