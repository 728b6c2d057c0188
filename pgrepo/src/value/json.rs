//! json and jsonb (<https://www.postgresql.org/docs/current/datatype-json.html>).
//!
//! The body is the document's text; in a jsonb column a version byte, 1, stands before it. Which of both it is,
//! the column says: each type here fits either.
//! Values are serialised straight into the row's buffer.

use std::ops::{Deref, DerefMut};

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Decode, Element, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind, encode_sized};

const JSON: &[PgType] = &[PgType::JSONB, PgType::JSON];
const VERSION: u8 = 1;

/// A value that is kept as json or jsonb, in the form that serde gives it.
///
/// It is written straight into the row's buffer. A float that JSON does not have (NaN, the infinities) becomes `null`:
/// that is serde_json's rule. Other floats come back with the same bits.
///
/// Reading may borrow from the row: `Json<Profile<'r>>` with `&'r str` fields (which serde_json can fill only from
/// strings without escapes).
///
/// # Errors
/// [`ValueErrorKind::NoJson`] when the value has no JSON form (a map whose keys are no strings);
/// [`ValueErrorKind::Json`] when the document does not fit the type, [`ValueErrorKind::JsonAt`] where a value inside of
/// it does not.
///
/// # Examples
/// ```
/// use pgrepo::value::Json;
/// let tags = Json(vec!["a", "b"]);
/// assert_eq!(tags.len(), 2);
/// assert_eq!(tags.into_inner(), ["a", "b"]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

impl<T> Json<T> {
    /// The value.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pgrepo::Json(vec![1, 2]).into_inner(), [1, 2]);
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// What [`Json`] is called when it is read: a format whose values are text knows by it that the text is a document.
pub(crate) const JSON_NAME: &str = "$pgrepo::Json";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Inner<T> {
            type Value = Json<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON document")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<T>, D::Error> {
                T::deserialize(deserializer).map(Json)
            }
        }
        deserializer.deserialize_newtype_struct(JSON_NAME, Inner(std::marker::PhantomData))
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A document as the server sent it, or as it is to be sent: its text, borrowed and not parsed.
///
/// `&RawValue` and `Box<RawValue>` are checked by a walk through the whole document; this is not, which makes
/// reading a row several times as fast. The server checks what it is given.
///
/// # Examples
/// ```
/// use pgrepo::value::RawJson;
/// let document = RawJson(r#"{"a": 1}"#);
/// let parsed: serde_json::Value = document.parse()?;
/// assert_eq!(parsed["a"], 1);
/// # Ok::<(), pgrepo::ValueError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawJson<'a>(pub &'a str);

impl<'a> RawJson<'a> {
    /// Parses it.
    ///
    /// # Errors
    /// [`ValueErrorKind::Json`] when the document does not fit the type.
    ///
    /// # Examples
    /// ```
    /// let [first, _]: [&str; 2] = pgrepo::value::RawJson(r#"["a", "b"]"#).parse()?;
    /// assert_eq!(first, "a");
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    pub fn parse<T: Deserialize<'a>>(&self) -> Result<T, ValueError> {
        serde_json::from_str(self.0).map_err(|error| misfit::<T>(self.0.as_bytes(), error))
    }
}

macro_rules! json {
    ($([$($g:tt)*] $rust:ty),+) => {$(
        impl<$($g)*> SqlType for $rust {
            const TYPES: &'static [PgType] = JSON;
        }
        impl<$($g)*> Element for $rust {}
    )+};
}
json!([T] Json<T>, [] serde_json::Value, [] RawValue, [] Box<RawValue>, [] RawJson<'_>);

impl<T: Serialize> Encode for Json<T> {
    #[inline]
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        put_json(&self.0, ty, out)
    }
}

impl Encode for serde_json::Value {
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        put_json(self, ty, out)
    }
}

impl Encode for RawValue {
    #[inline]
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        RawJson(self.get()).encode(ty, out)
    }
}

impl Encode for RawJson<'_> {
    #[inline]
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        encode_sized(out, |out| {
            put_version(ty, out);
            out.extend_from_slice(self.0.as_bytes());
            Ok(())
        })
    }
}

impl Encode for Box<RawValue> {
    #[inline]
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        RawValue::encode(self, ty, out)
    }
}

/// Appends a json or jsonb field, whichever `ty` is, in the form that serde gives the value.
///
/// # Errors
/// [`ValueErrorKind::NoJson`] and [`ValueErrorKind::TooLarge`].
///
/// # Examples
/// ```
/// use pgrepo::{PgType, TypeInfo, value::put_json};
/// let mut field = Vec::new();
/// put_json(&[1, 2], &TypeInfo::builtin(PgType::JSONB), &mut field)?;
/// assert_eq!(field, *b"\0\0\0\x06\x01[1,2]");
/// # Ok::<(), pgrepo::ValueError>(())
/// ```
#[inline]
pub fn put_json<T: Serialize + ?Sized>(value: &T, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
    encode_sized(out, |out| {
        put_version(ty, out);
        serde_json::to_writer(out, value).map_err(|error| formless(value, error))
    })
}

/// Says where in a value it has no JSON form, which is found by writing it once more.
#[cold]
#[inline(never)]
fn formless<T: Serialize + ?Sized>(value: &T, source: serde_json::Error) -> ValueError {
    let mut nowhere = serde_json::Serializer::new(std::io::sink());
    let again = serde_path_to_error::serialize(value, &mut nowhere).err();
    let path = again.map(|again| again.path().to_string()).filter(|path| path != ".");
    ValueErrorKind::NoJson { path, source }.into()
}

#[inline]
fn put_version(ty: &TypeInfo, out: &mut Vec<u8>) {
    if ty.base().oid() == PgType::JSONB.oid {
        out.push(VERSION);
    }
}

impl<'r, T: Deserialize<'r>> Decode<'r> for Json<T> {
    #[inline]
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        get_json(ty, body).map(Self)
    }
}

impl<'r> Decode<'r> for serde_json::Value {
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        get_json(ty, body)
    }
}

impl<'r> Decode<'r> for &'r RawValue {
    #[inline]
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        get_json(ty, body)
    }
}

impl<'r> Decode<'r> for RawJson<'r> {
    #[inline]
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        std::str::from_utf8(document(ty, body)?).map(Self).map_err(|e| ValueErrorKind::Utf8(e).into())
    }
}

impl<'r> Decode<'r> for Box<RawValue> {
    #[inline]
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        <&RawValue>::decode(ty, body).map(ToOwned::to_owned)
    }
}

/// Reads the body of a json or jsonb field, whichever `ty` is.
///
/// # Errors
/// [`ValueErrorKind::Json`] when the document does not fit, [`ValueErrorKind::JsonAt`] where a value inside of it does
/// not, [`ValueErrorKind::Invalid`] on another version of jsonb.
///
/// # Examples
/// ```
/// use pgrepo::{PgType, TypeInfo, value::get_json};
/// let numbers: Vec<i32> = get_json(&TypeInfo::builtin(PgType::JSONB), b"\x01[1,2]")?;
/// assert_eq!(numbers, [1, 2]);
/// # Ok::<(), pgrepo::ValueError>(())
/// ```
#[inline]
pub fn get_json<'r, T: Deserialize<'r>>(ty: &TypeInfo, body: &'r [u8]) -> Result<T, ValueError> {
    let text = document(ty, body)?;
    serde_json::from_slice(text).map_err(|error| misfit::<T>(text, error))
}

/// Says where in a document it does not fit, which is found by reading it once more.
#[cold]
#[inline(never)]
fn misfit<'r, T: Deserialize<'r>>(text: &'r [u8], error: serde_json::Error) -> ValueError {
    // Text that is no JSON has no places, only bytes.
    if !error.is_data() {
        return unfit(error);
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let path = serde_path_to_error::deserialize::<_, T>(&mut reader).err().map(|again| again.path().to_string());
    match path {
        Some(path) if path != "." => ValueErrorKind::JsonAt { path, source: error }.into(),
        _ => unfit(error),
    }
}

/// The text of the document.
#[inline]
fn document<'r>(ty: &TypeInfo, body: &'r [u8]) -> Result<&'r [u8], ValueError> {
    if ty.base().oid() != PgType::JSONB.oid {
        return Ok(body);
    }
    match body {
        [VERSION, text @ ..] => Ok(text),
        [] => Err(ValueErrorKind::Invalid("a jsonb value is empty".to_owned()).into()),
        [version, ..] => Err(ValueErrorKind::Invalid(format!("jsonb of the version {version} is not known")).into()),
    }
}

#[cold]
fn unfit(error: serde_json::Error) -> ValueError {
    ValueErrorKind::Json(error).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tests::{body, refused, round};
    use super::*;

    #[test]
    fn the_column_decides_on_the_version_byte() {
        let value = serde_json::json!({"a": [1, null]});
        assert_eq!(body(&value, PgType::JSON), br#"{"a":[1,null]}"#);
        assert_eq!(body(&value, PgType::JSONB), b"\x01{\"a\":[1,null]}");
        let domain =
            TypeInfo::new(70_000, "doc", super::super::TypeKind::Domain(TypeInfo::builtin(PgType::JSONB).into()));
        let mut out = Vec::new();
        Json(1).encode(&domain, &mut out).unwrap();
        assert_eq!(out, [0, 0, 0, 2, 1, b'1']);
        for ty in [PgType::JSON, PgType::JSONB] {
            assert_eq!(round(&value, ty), value);
            assert_eq!(round(&Json((1, "x".to_owned())), ty), Json((1, "x".to_owned())));
        }
    }

    #[test]
    fn raw_is_copied_as_it_stands() {
        let raw = RawValue::from_string("{ \"a\" : 1.0 }".to_owned()).unwrap();
        assert_eq!(body(&*raw, PgType::JSON), b"{ \"a\" : 1.0 }");
        assert_eq!(round(&raw, PgType::JSONB).get(), raw.get());
        let ty = TypeInfo::builtin(PgType::JSONB);
        assert_eq!(<&RawValue>::decode(&ty, b"\x01[1, 2]").unwrap().get(), "[1, 2]");
        assert!(<&RawValue>::decode(&ty, b"\x01[1, 2").is_err());
        assert_eq!(body(&RawJson("[1, 2]"), PgType::JSONB), b"\x01[1, 2]");
        let document = RawJson::decode(&ty, b"\x01[1, 2]").unwrap();
        assert_eq!(document.parse::<[i32; 2]>().unwrap(), [1, 2]);
        assert!(matches!(RawJson("[").parse::<i32>().unwrap_err().kind(), ValueErrorKind::Json(_)));
    }

    #[test]
    fn borrowed() {
        #[derive(Deserialize)]
        struct Borrowed<'a> {
            name: &'a str,
        }
        let row = b"\x01{\"name\":\"Ann\"}".to_vec();
        let Json(value) = Json::<Borrowed<'_>>::decode(&TypeInfo::builtin(PgType::JSONB), &row).unwrap();
        assert_eq!(value.name, "Ann");
    }

    #[test]
    fn errors() {
        let odd = Json(BTreeMap::from([((1, 2), 3)]));
        assert_eq!(refused(&odd, PgType::JSONB).to_string(), "the value has no JSON form");
        let inside = Json(BTreeMap::from([("a", vec![BTreeMap::new(), odd.into_inner()])]));
        assert_eq!(refused(&inside, PgType::JSONB).to_string(), "the value has no JSON form at a[1]");
        let ty = TypeInfo::builtin(PgType::JSONB);
        for bytes in [&b""[..], b"\x02{}", b"{}"] {
            let error = serde_json::Value::decode(&ty, bytes).unwrap_err();
            assert!(matches!(error.kind(), ValueErrorKind::Invalid(_)), "{error}");
        }
        assert!(matches!(Json::<i32>::decode(&ty, b"\x01\"x\"").unwrap_err().kind(), ValueErrorKind::Json(_)));
        let deep = [b"\x01".as_slice(), &[b'['; 20_000]].concat();
        assert!(matches!(serde_json::Value::decode(&ty, &deep).unwrap_err().kind(), ValueErrorKind::Json(_)));
    }

    #[test]
    fn an_error_inside_of_a_document_names_its_place() {
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "it is only read into")]
        struct Location {
            runways: Vec<BTreeMap<String, f64>>,
        }
        let ty = TypeInfo::builtin(PgType::JSONB);
        let error = Json::<Location>::decode(&ty, b"\x01{\"runways\": [{}, {\"lat\": \"north\"}]}").unwrap_err();
        assert_eq!(error.to_string(), "the JSON does not fit the Rust type at runways[1].lat");
        let whole = Json::<Location>::decode(&ty, b"\x01[]").unwrap_err();
        assert_eq!(whole.to_string(), "the JSON does not fit the Rust type");
        let cut = Json::<Location>::decode(&ty, b"\x01{\"runways\": [").unwrap_err();
        assert!(matches!(cut.kind(), ValueErrorKind::Json(_)), "{cut}");
    }

    #[test]
    fn serde_sees_through_it() {
        assert_eq!(serde_json::to_string(&Json(vec![1])).unwrap(), "[1]");
        assert_eq!(serde_json::from_str::<Json<i32>>("3").unwrap(), Json(3));
    }
}
