use super::{Decode, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind};

/// A type of a fixed width whose binary form is its big-endian bytes: one store for length and body.
macro_rules! fixed {
    ($($rust:ty, $sql:expr, $width:literal;)+) => {$(
        impl SqlType for $rust {
            const TYPES: &'static [PgType] = &[$sql];
        }

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
    f32, PgType::FLOAT4, 4;
    f64, PgType::FLOAT8, 8;
}

/// The body as an array of the type's width.
#[inline]
pub(super) fn exactly<const N: usize>(body: &[u8]) -> Result<[u8; N], ValueError> {
    body.try_into().map_err(|_| ValueErrorKind::Length { expected: N, found: body.len() }.into())
}
