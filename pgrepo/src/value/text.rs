use super::{Decode, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind, field_length};

const TEXT: &[PgType] =
    &[PgType::TEXT, PgType::VARCHAR, PgType::BPCHAR, PgType::NAME, PgType::named("citext"), PgType::UNKNOWN];

impl SqlType for str {
    const TYPES: &'static [PgType] = TEXT;
}

impl Encode for str {
    #[inline]
    fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let bytes = self.as_bytes();
        if let Some(at) = bytes.iter().position(|b| *b == 0) {
            return Err(ValueErrorKind::Nul { at }.into());
        }
        out.extend_from_slice(&field_length(bytes.len())?);
        out.extend_from_slice(bytes);
        Ok(())
    }
}

impl SqlType for String {
    const TYPES: &'static [PgType] = TEXT;
}

impl Encode for String {
    #[inline]
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        self.as_str().encode(ty, out)
    }
}

impl<'r> Decode<'r> for &'r str {
    #[inline]
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        std::str::from_utf8(body).map_err(|e| ValueErrorKind::Utf8(e).into())
    }
}

impl<'r> Decode<'r> for String {
    #[inline]
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        <&str>::decode(ty, body).map(str::to_owned)
    }
}
