//! uuid (<https://www.postgresql.org/docs/current/datatype-uuid.html>): its sixteen bytes.

use uuid::Uuid;

use super::number::exactly;
use super::{Decode, Element, Encode, PgType, SqlType, TypeInfo, ValueError};

impl SqlType for Uuid {
    const TYPES: &'static [PgType] = &[PgType::UUID];
}

impl Element for Uuid {}

impl Encode for Uuid {
    #[inline]
    fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let mut field = [0; 20];
        field[3] = 16;
        field[4..].copy_from_slice(self.as_bytes());
        out.extend_from_slice(&field);
        Ok(())
    }
}

impl<'r> Decode<'r> for Uuid {
    #[inline]
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        exactly(body).map(Self::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, round};
    use super::*;

    #[test]
    fn sixteen_bytes() {
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(body(&id, PgType::UUID)[..4], [0x01, 0x23, 0x45, 0x67]);
        for id in [Uuid::nil(), Uuid::max(), id] {
            assert_eq!(round(&id, PgType::UUID), id);
        }
        assert!(Uuid::decode(&TypeInfo::builtin(PgType::UUID), &[0; 15]).is_err());
    }
}
