//! One field of a record as serde's input: text, as the server writes it in CSV.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::value::JSON_NAME;

/// Why a record, or a field of it, does not fit.
#[derive(Debug)]
pub(super) struct Misfit {
    message: String,
    /// The field that the record has no value for.
    pub(super) missing: Option<&'static str>,
}

impl Misfit {
    pub(super) fn new(message: impl Display) -> Self {
        Self { message: message.to_string(), missing: None }
    }
}

impl Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message)
    }

    fn missing_field(field: &'static str) -> Self {
        Self { message: format!("there is no value for the field `{field}`"), missing: Some(field) }
    }
}

/// A field's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'r> {
    text: &'r str,
    /// What stands for NULL, if anything does.
    null: Option<&'r str>,
}

impl<'r> Field<'r> {
    pub(super) fn new(text: &'r str, null: Option<&'r str>) -> Self {
        Self { text, null }
    }

    fn is_null(&self) -> bool {
        self.null == Some(self.text)
    }

    /// The text of a value that may be empty: where the empty text stands for NULL, it is as good as a text.
    fn text(self) -> Result<&'r str, Misfit> {
        if self.is_null() && !self.text.is_empty() { Err(null()) } else { Ok(self.text) }
    }

    /// The text of a value that is never empty.
    fn some(self) -> Result<&'r str, Misfit> {
        if self.is_null() { Err(null()) } else { Ok(self.text) }
    }

    fn parse<V: FromStr<Err: Display>>(self) -> Result<V, Misfit> {
        let refused = |e| Misfit::new(format_args!("the text is no {}: {e}", std::any::type_name::<V>()));
        self.some()?.parse().map_err(refused)
    }

    /// Reads the text as a document.
    fn json<V>(self, read: impl FnOnce(&mut Json<'r>) -> Result<V, serde_json::Error>) -> Result<V, Misfit> {
        let mut json = serde_json::Deserializer::from_reader(self.some()?.as_bytes());
        let value = read(&mut json);
        value
            .and_then(|value| json.end().map(|()| value))
            .map_err(|e| Misfit::new(format_args!("the text as JSON: {e}")))
    }
}

type Json<'r> = serde_json::Deserializer<serde_json::de::IoRead<&'r [u8]>>;

fn null() -> Misfit {
    Misfit::new("the value is NULL and the type is not an Option")
}

macro_rules! numbers {
    ($($method:ident $visit:ident $number:ty),+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            visitor.$visit(self.parse::<$number>()?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Field<'_> {
    type Error = Misfit;

    /// Text stays text: what looks like a number may be a postal code.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.text()?)
    }

    numbers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128,
        deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let text = self.some()?.trim_ascii();
        let is = |words: [&str; 5]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match (is(["t", "true", "y", "yes", "1"]), is(["f", "false", "n", "no", "0"])) {
            (true, _) => visitor.visit_bool(true),
            (_, true) => visitor.visit_bool(false),
            _ => Err(Misfit::new("the text is no bool: t, true, y, yes or 1, or f, false, n, no or 0")),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let text = self.text()?;
        match text.strip_prefix("\\x") {
            Some(digits) => visitor.visit_byte_buf(hex(digits)?),
            None => visitor.visit_bytes(text.as_bytes()),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.is_null() { visitor.visit_unit() } else { Err(Misfit::new("a value is there where none should be")) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        match name == JSON_NAME {
            true => self.json(|json| visitor.visit_newtype_struct(json)),
            false => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let name: StrDeserializer<'_, Misfit> = self.some()?.into_deserializer();
        visitor.visit_enum(name)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let text = self.some()?;
        match text.strip_prefix('{') {
            Some(elements) => {
                let mut array = Array { left: elements, text: String::new(), first: true };
                let value = visitor.visit_seq(&mut array)?;
                array.end().map(|()| value)
            }
            None => self.json(|json| json.deserialize_seq(visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.json(|json| json.deserialize_map(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.json(|json| json.deserialize_struct(name, fields, visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { char str string identifier }
}

/// The bytes that hexadecimal digits stand for, as the server writes a bytea.
fn hex(digits: &str) -> Result<Vec<u8>, Misfit> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| Misfit::new("the text is no bytea: \\x and pairs of hexadecimal digits"))
}

/// The elements of an array as the server writes it, `{1,NULL,"a b"}`
/// (<https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>), of one dimension.
struct Array<'r> {
    left: &'r str,
    /// The element under way, without its quotation marks.
    text: String,
    first: bool,
}

impl<'r> Array<'r> {
    /// Reads the next element: `None` at the end, else whether it was quoted.
    fn element(&mut self) -> Result<Option<bool>, Misfit> {
        let left = self.left;
        match (self.first, left) {
            (true, "}") | (false, "") => return Ok(None),
            _ => self.first = false,
        }
        self.text.clear();
        let (mut inside, mut quoted) = (false, false);
        let mut chars = left.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => self.text.extend(chars.next().map(|(_, escaped)| escaped)),
                '"' => {
                    inside = !inside;
                    quoted = true;
                }
                ',' | '}' if !inside => {
                    self.left = left.get(at + 1..).unwrap_or_default();
                    let goes_on = c == ',';
                    let whole = goes_on != self.left.is_empty() && (quoted || !self.text.is_empty());
                    return if whole { Ok(Some(quoted)) } else { Err(no_array()) };
                }
                '{' if !inside => return Err(Misfit::new("the text is an array of several dimensions")),
                c => self.text.push(c),
            }
        }
        Err(no_array())
    }

    /// Nothing may be left over.
    fn end(&mut self) -> Result<(), Misfit> {
        match self.element()? {
            None => Ok(()),
            Some(_) => Err(Misfit::new("the array has more elements than are read")),
        }
    }
}

fn no_array() -> Misfit {
    Misfit::new("the text is no array: elements between braces, with commas")
}

impl<'de> SeqAccess<'de> for Array<'_> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(quoted) = self.element()? else { return Ok(None) };
        // What is quoted is never NULL, also where it reads so.
        let null = (!quoted).then_some("NULL");
        seed.deserialize(Field::new(&self.text, null)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn read<V: for<'de> Deserialize<'de>>(text: &str) -> Result<V, String> {
        V::deserialize(Field::new(text, Some(""))).map_err(|e| e.to_string())
    }

    #[test]
    fn values_are_read_as_the_server_writes_them() {
        assert_eq!(read::<bool>("t"), Ok(true));
        assert_eq!(read::<bool>("f"), Ok(false));
        assert_eq!(read::<i64>("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(read::<f64>("-Infinity"), Ok(f64::NEG_INFINITY));
        assert_eq!(read::<f64>("1e-7"), Ok(1e-7));
        assert_eq!(read::<String>("00501"), Ok("00501".to_owned()));
        assert_eq!(read::<serde_json::Value>("12"), Ok("12".into()), "text stays text");
    }

    #[test]
    fn null_is_no_value_but_for_an_option() {
        assert_eq!(read::<Option<i32>>(""), Ok(None));
        assert_eq!(read::<Option<i32>>("7"), Ok(Some(7)));
        assert_eq!(read::<String>(""), Ok(String::new()), "empty text is text");
        assert_eq!(read::<i32>("").unwrap_err(), "the value is NULL and the type is not an Option");
        let other = Field::new("\\N", Some("\\N"));
        assert_eq!(Option::<String>::deserialize(other).unwrap(), None);
        assert!(String::deserialize(other).is_err());
    }

    #[test]
    fn arrays_are_read_as_the_server_writes_them() {
        let read_texts = read::<Vec<Option<String>>>;
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read::<Vec<i32>>("{}"), Ok(vec![]));
        assert_eq!(read::<Vec<i32>>("{1,-2}"), Ok(vec![1, -2]));
        assert_eq!(read::<Vec<i32>>("[1, -2]"), Ok(vec![1, -2]), "or as JSON");
        assert_eq!(
            read_texts(r#"{a,NULL,"NULL","","a b","q\"u\\","{x,y}"}"#),
            Ok(vec![some("a"), None, some("NULL"), some(""), some("a b"), some("q\"u\\"), some("{x,y}")])
        );
        for wrong in ["{", "{1", "{1,", "{1,}", "{,}", "{,1}", "{1}}", "{1},", "{{1},{2}}", "{\"1}", "1,2", "x"] {
            assert!(read_texts(wrong).is_err(), "{wrong}");
        }
        assert!(read::<[i32; 1]>("{1,2}").is_err());
        assert!(read::<[i32; 2]>("{1}").is_err());
    }

    #[test]
    fn documents_are_read_from_their_text() {
        use crate::value::Json;
        assert_eq!(read::<Json<String>>("\"a\""), Ok(Json("a".to_owned())), "and not the text itself");
        assert_eq!(read::<Json<Vec<i32>>>("[1]"), Ok(Json(vec![1])));
        assert_eq!(read::<Option<Json<Vec<i32>>>>(""), Ok(None));
        assert_eq!(read::<Option<Json<Option<i32>>>>("null"), Ok(Some(Json(None))));
        assert!(read::<Json<Vec<i32>>>("[1] 2").is_err());
        assert!(read::<Json<Vec<i32>>>("{1}").is_err());
        assert_eq!(serde_json::from_str::<Json<Vec<i32>>>("[1]").unwrap(), Json(vec![1]), "in JSON it is itself");
    }

    #[test]
    fn what_does_not_fit_says_why_without_the_text() {
        assert_eq!(read::<i16>("70000").unwrap_err(), "the text is no i16: number too large to fit in target type");
        assert_eq!(read::<u8>("secret").unwrap_err(), "the text is no u8: invalid digit found in string");
        assert!(read::<bool>("secret").unwrap_err().starts_with("the text is no bool"));
        assert!(read::<()>("secret").is_err());
    }
}
