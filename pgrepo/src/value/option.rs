use super::{Decode, Encode, PgType, SqlType, TypeDefinition, TypeInfo, ValueError};

impl<V: SqlType> SqlType for Option<V> {
    const TYPES: &'static [PgType] = V::TYPES;
    const DEFINITION: Option<&'static TypeDefinition> = V::DEFINITION;
    const ARRAY: bool = V::ARRAY;
    const NULLABLE: bool = true;

    fn accepts(ty: &TypeInfo) -> bool {
        V::accepts(ty)
    }
}

impl<V: Encode> Encode for Option<V> {
    #[inline]
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match self {
            Some(value) => value.encode(ty, out),
            None => {
                out.extend_from_slice(&(-1_i32).to_be_bytes());
                Ok(())
            }
        }
    }

    fn is_null(&self) -> bool {
        self.as_ref().is_none_or(V::is_null)
    }
}

impl<'r, V: Decode<'r>> Decode<'r> for Option<V> {
    #[inline]
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        V::decode(ty, body).map(Some)
    }

    #[inline]
    fn decode_null() -> Result<Self, ValueError> {
        Ok(None)
    }
}

impl<V: SqlType + ?Sized> SqlType for &V {
    const TYPES: &'static [PgType] = V::TYPES;
    const DEFINITION: Option<&'static TypeDefinition> = V::DEFINITION;
    const ARRAY: bool = V::ARRAY;
    const NULLABLE: bool = V::NULLABLE;

    fn accepts(ty: &TypeInfo) -> bool {
        V::accepts(ty)
    }
}

impl<V: Encode + ?Sized> Encode for &V {
    #[inline]
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        V::encode(self, ty, out)
    }

    fn is_null(&self) -> bool {
        V::is_null(self)
    }
}
