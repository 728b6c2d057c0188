//! hstore, the extension's map of texts (<https://www.postgresql.org/docs/current/hstore.html>).
//!
//! The body is the number of pairs, and for each of them the key and the value as fields; a value may be NULL. The
//! type is known by its name, because an extension's OID differs from database to database.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use super::text::put_text;
use super::{Decode, Element, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind, encode_sized, take_field};

/// A map of texts, kept in a column of the extension type `hstore`.
///
/// # Examples
/// ```
/// use pgrepo::value::Hstore;
/// let map: Hstore = [("colour", Some("red")), ("size", None)].into_iter().collect();
/// assert_eq!(map["colour"].as_deref(), Some("red"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hstore(pub BTreeMap<String, Option<String>>);

impl Deref for Hstore {
    type Target = BTreeMap<String, Option<String>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Hstore {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl From<BTreeMap<String, Option<String>>> for Hstore {
    fn from(map: BTreeMap<String, Option<String>>) -> Self {
        Self(map)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, Option<V>)> for Hstore {
    fn from_iter<I: IntoIterator<Item = (K, Option<V>)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.map(Into::into))).collect())
    }
}

impl SqlType for Hstore {
    const TYPES: &'static [PgType] = &[PgType::named("hstore")];
}

impl Element for Hstore {}

impl Encode for Hstore {
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        encode_sized(out, |out| {
            let count = i32::try_from(self.len()).map_err(|_| ValueErrorKind::TooLarge { length: self.len() })?;
            out.extend_from_slice(&count.to_be_bytes());
            self.iter().try_for_each(|(key, value)| {
                put_text(key, out)?;
                value.as_deref().encode(ty, out)
            })
        })
    }
}

impl<'r> Decode<'r> for Hstore {
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        let (count, mut rest) = body.split_first_chunk::<4>().ok_or_else(|| invalid("the hstore is cut"))?;
        let mut map = BTreeMap::new();
        for _ in 0..i32::from_be_bytes(*count) {
            let key = take_field(&mut rest)?.ok_or_else(|| invalid("a key of the hstore is NULL"))?;
            let value = take_field(&mut rest)?.map(text).transpose()?;
            if map.insert(text(key)?, value).is_some() {
                return Err(invalid("a key of the hstore stands there twice"));
            }
        }
        if rest.is_empty() { Ok(Self(map)) } else { Err(invalid("there are bytes after the hstore's last pair")) }
    }
}

fn text(bytes: &[u8]) -> Result<String, ValueError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|e| ValueErrorKind::Utf8(e).into())
}

#[cold]
fn invalid(reason: &str) -> ValueError {
    ValueErrorKind::Invalid(reason.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, refused, round};
    use super::*;

    const HSTORE: PgType = PgType::named("hstore");

    #[test]
    fn pairs() {
        let map: Hstore = [("a", Some("1")), ("b", None), ("", Some(""))].into_iter().collect();
        assert_eq!(round(&map, HSTORE), map);
        assert_eq!(body(&Hstore::default(), HSTORE), [0; 4]);
        let nul: Hstore = [("a\0", None::<&str>)].into_iter().collect();
        assert!(matches!(refused(&nul, HSTORE).kind(), ValueErrorKind::Nul { at: 1 }));
    }

    #[test]
    fn known_by_name() {
        assert!(Hstore::accepts(&TypeInfo::new(70_123, "hstore", super::super::TypeKind::Plain)));
        assert!(!Hstore::accepts(&TypeInfo::builtin(PgType::TEXT)));
    }

    #[test]
    fn hostile() {
        let ty = TypeInfo::builtin(HSTORE);
        let good = body(&[("a", Some("1")), ("b", None)].into_iter().collect::<Hstore>(), HSTORE);
        for cut in 0..good.len() {
            assert!(Hstore::decode(&ty, &good[..cut]).is_err(), "{cut}");
        }
        assert!(Hstore::decode(&ty, &[0x7f, 255, 255, 255]).is_err());
        assert!(Hstore::decode(&ty, &[good.as_slice(), b"x"].concat()).is_err());
        let twice = b"\0\0\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\0\0\x01a\xff\xff\xff\xff";
        assert!(Hstore::decode(&ty, twice).is_err());
        assert!(Hstore::decode(&ty, b"\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    }
}
