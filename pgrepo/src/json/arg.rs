use std::borrow::Cow;

use serde::Serialize;

use crate::value::{Element, Encode, PgType, RawJson, SqlType, TypeInfo, ValueError, ValueErrorKind};

use super::step::JsonStep;

/// A value that can stand for one of the type `V` in a document: `V` itself, a reference to it, and for text, vectors
/// and options also what the type borrows as.
#[diagnostic::on_unimplemented(
    message = "a JSON value of the type `{V}` cannot be compared with or set to `{Self}`",
    label = "expected a value for a `{V}` in JSON"
)]
pub trait JsonArg<V: ?Sized>: Serialize {}

impl<V: Serialize> JsonArg<V> for V {}
impl<V: Serialize + ?Sized> JsonArg<V> for &V {}
impl<V: Serialize> JsonArg<Option<V>> for V {}
impl<V: Serialize> JsonArg<Option<V>> for &V {}

macro_rules! borrowed {
    ($([$($g:tt)*] $owned:ty as $borrowed:ty),+ $(,)?) => {$(
        impl<$($g)*> JsonArg<$owned> for $borrowed {}
        impl<$($g)*> JsonArg<Option<$owned>> for $borrowed {}
    )+};
}
borrowed! {
    [] String as &str,
    [] Box<str> as &str,
    ['a] Cow<'a, str> as &str,
    [T, U: JsonArg<T>] Vec<T> as &[U],
    [T, U: JsonArg<T>] Box<[T]> as &[U],
}

impl<T, U: JsonArg<T>, const N: usize> JsonArg<Vec<T>> for &[U; N] where [U; N]: Serialize {}
impl<T, U: JsonArg<T>, const N: usize> JsonArg<Option<Vec<T>>> for &[U; N] where [U; N]: Serialize {}

/// What is bound for a value in a document, or why it has no JSON form, which is told when it is sent.
pub(super) struct Bound<V>(Result<V, String>);

impl<V> Bound<V> {
    pub(super) fn map<U>(self, change: impl FnOnce(V) -> U) -> Bound<U> {
        Bound(self.0.map(change))
    }

    /// Changes it, or says why it cannot be.
    pub(super) fn try_map<U>(self, change: impl FnOnce(V) -> Result<U, String>) -> Bound<U> {
        Bound(self.0.and_then(change))
    }

    /// Whether it is so; what has no JSON form is not.
    pub(super) fn is(&self, question: impl FnOnce(&V) -> bool) -> bool {
        self.0.as_ref().is_ok_and(question)
    }

    /// All of them, or why the first of the others has no JSON form.
    pub(super) fn all(each: impl IntoIterator<Item = Self>) -> Bound<Vec<V>> {
        Bound(each.into_iter().map(|bound| bound.0).collect())
    }
}

impl<V: Clone> Clone for Bound<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: SqlType> SqlType for Bound<V> {
    const TYPES: &'static [PgType] = V::TYPES;
    const ARRAY: bool = V::ARRAY;
    const NULLABLE: bool = V::NULLABLE;

    fn accepts(ty: &TypeInfo) -> bool {
        V::accepts(ty)
    }
}

impl<V: Encode> Encode for Bound<V> {
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match &self.0 {
            Ok(value) => value.encode(ty, out),
            Err(why) => Err(ValueErrorKind::Invalid(why.clone()).into()),
        }
    }

    fn is_null(&self) -> bool {
        self.0.as_ref().is_ok_and(Encode::is_null)
    }
}

/// The text of a JSON value, as serde writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonText(String);

impl JsonText {
    /// The form that serde gives a value.
    pub(super) fn of(value: &(impl Serialize + ?Sized)) -> Bound<Self> {
        Bound(serde_json::to_string(value).map(Self).map_err(|e| format!("the value has no JSON form: {e}")))
    }

    pub(super) fn is_null(&self) -> bool {
        self.0 == "null"
    }

    pub(super) fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether it is neither an object nor an array.
    pub(super) fn is_scalar(&self) -> bool {
        !self.0.starts_with(['{', '['])
    }

    /// An array of this one value.
    pub(super) fn in_array(self) -> Self {
        Self(format!("[{}]", self.0))
    }

    /// The document in which the steps lead to this value, and that holds nothing else. An element of an array stands
    /// in one of one element, since containment asks for no place.
    pub(super) fn within(self, steps: &[JsonStep]) -> Self {
        let nest = |text: String, step: &JsonStep| match step {
            JsonStep::Key(key) => format!("{{{}:{text}}}", serde_json::Value::from(*key)),
            JsonStep::Index(_) => format!("[{text}]"),
        };
        Self(steps.iter().rev().fold(self.0, nest))
    }

    /// The text of a single value, as `->>` gives it: a string without its quotation marks; none for null.
    pub(super) fn into_plain(self) -> Result<Option<String>, String> {
        if self.is_null() {
            return Ok(None);
        }
        if self.0.starts_with('"') {
            return serde_json::from_str(&self.0).map(Some).map_err(|e| e.to_string());
        }
        Ok(Some(self.0))
    }
}

impl SqlType for JsonText {
    const TYPES: &'static [PgType] = RawJson::TYPES;
}

impl Element for JsonText {}

impl Encode for JsonText {
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        RawJson(&self.0).encode(ty, out)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    fn takes<V>(_: impl JsonArg<V>) {}

    #[test]
    fn what_stands_for_a_value() {
        takes::<i32>(1);
        takes::<Option<i32>>(&1);
        takes::<Option<f64>>(1.5);
        takes::<String>("a");
        takes::<Option<String>>("a");
        takes::<Option<String>>(None);
        takes::<Box<str>>("a");
        takes::<Cow<'static, str>>("a");
        takes::<Vec<String>>(&["a", "b"]);
        takes::<Vec<i64>>(vec![1]);
        takes::<Option<Vec<i64>>>(&[1_i64][..]);
        takes::<HashMap<String, i32>>(HashMap::new());
    }

    #[test]
    fn a_document_is_built_around_a_value() {
        let text = |value: JsonText, steps: &[JsonStep]| value.within(steps).0;
        let Bound(Ok(one)) = JsonText::of(&1) else { unreachable!() };
        assert_eq!(text(one.clone(), &[]), "1");
        assert_eq!(
            text(one.clone(), &[JsonStep::Key("a"), JsonStep::Index(3), JsonStep::Key("b\"c")]),
            r#"{"a":[{"b\"c":1}]}"#
        );
        assert_eq!(one.in_array().0, "[1]");
    }

    #[test]
    fn a_single_value_is_plain_text() {
        let plain = |bound: Bound<JsonText>| bound.0.unwrap().into_plain().unwrap();
        assert_eq!(plain(JsonText::of("a\"b\n")), Some("a\"b\n".to_owned()));
        assert_eq!(plain(JsonText::of(&1.5)), Some("1.5".to_owned()));
        assert_eq!(plain(JsonText::of(&None::<i32>)), None);
        assert_eq!(plain(JsonText::of(&f64::NAN)), None);
    }

    #[test]
    fn what_has_no_json_form_is_an_error_when_it_is_sent() {
        let odd = JsonText::of(&BTreeMap::from([((1, 2), 3)]));
        let error = odd.encode(&TypeInfo::builtin(PgType::JSONB), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "the value has no JSON form: key must be a string");
    }
}
