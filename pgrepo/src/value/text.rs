//! text, varchar, char(n), name and citext
//! (<https://www.postgresql.org/docs/current/datatype-character.html>).
//!
//! The body is the text in UTF-8, as it stands. PostgreSQL has no U+0000, so a text that holds one is refused here.
//! `char(n)` arrives padded with spaces, as the server keeps it.

use std::borrow::Cow;

use super::{Decode, Element, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind, field_length};

pub(super) const TEXT: &[PgType] =
    &[PgType::TEXT, PgType::VARCHAR, PgType::BPCHAR, PgType::NAME, PgType::named("citext"), PgType::UNKNOWN];

macro_rules! text {
    ($($rust:ty),+) => {$(
        impl SqlType for $rust {
            const TYPES: &'static [PgType] = TEXT;
        }
        impl Element for $rust {}
    )+};
}
text!(str, String, Box<str>, Cow<'_, str>);

macro_rules! encode_as_str {
    ($($rust:ty),+) => {$(
        impl Encode for $rust {
            #[inline]
            fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
                str::encode(self, ty, out)
            }
        }
    )+};
}
encode_as_str!(String, Box<str>, Cow<'_, str>);

impl Encode for str {
    #[inline]
    fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        put_text(self, out)
    }
}

/// Appends a text's field: an enum's label, for example.
///
/// # Errors
/// [`ValueErrorKind::Nul`] and [`ValueErrorKind::TooLarge`].
///
/// # Examples
/// ```
/// let mut field = Vec::new();
/// pgrepo::value::put_text("abc", &mut field)?;
/// assert_eq!(field, [0, 0, 0, 3, b'a', b'b', b'c']);
/// assert!(pgrepo::value::put_text("a\0", &mut field).is_err());
/// # Ok::<(), pgrepo::ValueError>(())
/// ```
#[inline]
pub fn put_text(text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let bytes = text.as_bytes();
    if has_nul(bytes) {
        return Err(nul(bytes));
    }
    out.extend_from_slice(&field_length(bytes.len())?);
    out.extend_from_slice(bytes);
    Ok(())
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

impl<'r> Decode<'r> for Box<str> {
    #[inline]
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        <&str>::decode(ty, body).map(Self::from)
    }
}

/// Borrows from the row: `Cow::Borrowed`.
impl<'r> Decode<'r> for Cow<'r, str> {
    #[inline]
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        <&str>::decode(ty, body).map(Cow::Borrowed)
    }
}

#[cold]
fn nul(bytes: &[u8]) -> ValueError {
    let at = bytes.iter().position(|b| *b == 0).unwrap_or(0);
    ValueErrorKind::Nul { at }.into()
}

/// Looks for a zero byte, sixteen at a time (one comparison where the processor has vectors); the last ones overlap
/// those before, so no byte is looked at alone.
#[inline]
pub(super) fn has_nul(bytes: &[u8]) -> bool {
    let any = |chunk: &[u8; 16]| chunk.iter().fold(0, |found, b| found | u8::from(*b == 0)) != 0;
    if let Some(last) = bytes.last_chunk::<16>() {
        return any(last) || bytes.as_chunks::<16>().0.iter().any(any);
    }
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => zeros(u64::from_ne_bytes(*first)) | zeros(u64::from_ne_bytes(*last)) != 0,
        _ => bytes.contains(&0),
    }
}

/// Not 0 when one of the eight bytes is 0.
#[inline]
const fn zeros(word: u64) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    word.wrapping_sub(LOW) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, refused};
    use super::*;

    #[test]
    fn nul_is_found_at_every_place_of_every_length() {
        for length in 0..70 {
            let mut bytes = vec![b'\x01'; length];
            assert!(!has_nul(&bytes), "{length}");
            for at in 0..length {
                bytes[at] = 0;
                assert!(has_nul(&bytes), "{length} {at}");
                bytes[at] = 0x80;
                assert!(!has_nul(&bytes), "{length} {at}");
            }
        }
    }

    #[test]
    fn bodies() {
        assert_eq!(body("", PgType::TEXT), b"");
        assert_eq!(body(&"naïve".to_owned(), PgType::VARCHAR), "naïve".as_bytes());
        assert_eq!(body(&Box::<str>::from("x"), PgType::TEXT), b"x");
        assert_eq!(body(&Cow::Borrowed("x"), PgType::TEXT), b"x");
    }

    #[test]
    fn nul_names_its_byte() {
        let error = refused("ab\0c", PgType::TEXT);
        assert!(matches!(error.kind(), ValueErrorKind::Nul { at: 2 }), "{error}");
        assert!(matches!(refused("a long text, and then: \0", PgType::TEXT).kind(), ValueErrorKind::Nul { at: 23 }));
    }

    #[test]
    fn not_utf8() {
        let ty = TypeInfo::builtin(PgType::TEXT);
        assert!(matches!(String::decode(&ty, b"a\xff").unwrap_err().kind(), ValueErrorKind::Utf8(_)));
        assert!(matches!(Cow::decode(&ty, "é".as_bytes()).unwrap(), Cow::Borrowed("é")));
    }

    #[test]
    fn types() {
        for ty in TEXT {
            assert!(String::accepts(&TypeInfo::builtin(*ty)), "{ty}");
        }
        assert!(!str::accepts(&TypeInfo::builtin(PgType::BYTEA)));
        assert!(!str::accepts(&TypeInfo::builtin(PgType::JSONB)));
    }
}
