//! The SQL of paths: what conditions, orders, changes and indexes have in common, so that they fit each other.

use crate::query::Fragment;
use crate::query::Text;
use crate::table;

use super::leaf::{JsonScalar, Rendering};
use super::path::JsonPath;
use super::step::JsonStep;

/// A key as a literal. No key of a jsonb document holds NUL, and neither may a statement: such a key is NULL, which finds
/// nothing.
pub(super) fn literal(key: &str) -> String {
    if key.contains('\0') { "NULL::text".to_owned() } else { table::literal(key) }
}

/// The operators that lead to the value: ` -> 'a' -> 0`.
pub(super) fn chain(steps: &[JsonStep]) -> String {
    steps.iter().map(|step| format!(" -> {}", operand(step))).collect()
}

/// The operators that lead to the value's text, which is NULL for a value that is null or missing.
pub(super) fn text_chain(steps: &[JsonStep]) -> String {
    match steps.split_last() {
        None => " #>> '{}'".to_owned(),
        Some((last, before)) => format!("{} ->> {}", chain(before), operand(last)),
    }
}

fn operand(step: &JsonStep) -> String {
    match step {
        JsonStep::Key(key) => literal(key),
        JsonStep::Index(index) if *index < 0 => format!("({index})"),
        JsonStep::Index(index) => index.to_string(),
    }
}

impl<T: ?Sized, V: ?Sized, W> JsonPath<T, V, W> {
    /// The value, as jsonb.
    pub(super) fn value<'q>(&self, before: Fragment<'q>) -> Fragment<'q> {
        let chain = chain(self.steps.all());
        if chain.is_empty() {
            return before.and_column(self.column);
        }
        before.text("(").and_column(self.column).text(chain).text(")")
    }

    /// The value's text.
    pub(super) fn text<'q>(&self, before: Fragment<'q>) -> Fragment<'q> {
        before.text("(").and_column(self.column).text(text_chain(self.steps.all())).text(")")
    }

    /// The value as SQL, of the type jsonb; for statements of the user's own.
    ///
    /// # Examples
    /// ```
    /// # use pgrepo::{Json, PgJson, PgTable};
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Home { street: String }
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Profile {
    /// #     city: Option<String>, visits: i64, skills: Vec<String>, homes: Vec<Home>,
    /// #     settings: std::collections::BTreeMap<String, i64>,
    /// # }
    /// # #[derive(PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { #[pg(primary_key)] id: i64, profile: Json<Profile> }
    /// let city = Person::PROFILE.at(Profile::CITY).sql();
    /// let by_city = format!("SELECT {city} #>> '{{}}', count(*) FROM people GROUP BY 1");
    /// ```
    pub fn sql(&self) -> String {
        written(&self.value(Fragment::default()))
    }
}

impl<T: ?Sized, V: JsonScalar + ?Sized, W> JsonPath<T, V, W> {
    /// The value as the type that it is compared as; NULL where it is null, missing, or of another type.
    ///
    /// Conditions, orders and the index are written with this one expression, since the server uses an index for an
    /// expression only where both are the same.
    pub(super) fn typed<'q>(&self) -> Fragment<'q> {
        let start = Fragment::default();
        match V::RENDERING {
            Rendering::Number => self.checked("number", "numeric"),
            Rendering::Bool => self.checked("boolean", "bool"),
            Rendering::Text => self.text(start),
            Rendering::Ordered => self.text(start.text("(")).text(" COLLATE \"C\")"),
            Rendering::Decimal => self.digits(),
            Rendering::Instant => self.text(start).text("::timestamptz"),
        }
    }

    /// A number, or the number that a string's digits make; other strings do not fail the statement either.
    fn digits<'q>(&self) -> Fragment<'q> {
        const DIGITS: &str = "'^[-+]?[0-9]{1,255}([.][0-9]{1,255})?$'";
        let start = self.value(Fragment::default().text("(CASE WHEN jsonb_typeof("));
        let number = self.text(start.text(") = 'number' OR "));
        self.text(number.text(format!(" ~ {DIGITS} THEN "))).text("::numeric END)")
    }

    /// The value cast to a type, if it is JSON of the type that casts to it: a document that holds another one neither
    /// fails the statement nor can keep the index from being made.
    fn checked<'q>(&self, json: &str, sql: &str) -> Fragment<'q> {
        let start = Fragment::default().text("(CASE WHEN jsonb_typeof(");
        let then = self.value(start).text(format!(") = '{json}' THEN "));
        self.value(then).text(format!("::{sql} END)"))
    }
}

/// A fragment's text.
pub(super) fn written(fragment: &Fragment<'_>) -> String {
    let mut text = Text::default();
    text.fragment(fragment);
    text.sql
}

#[cfg(test)]
mod tests {
    use super::*;
    use JsonStep::{Index, Key};

    #[test]
    fn keys_are_literals_whatever_they_hold() {
        assert_eq!(literal("city"), "'city'");
        assert_eq!(literal("o'clock"), "'o''clock'");
        assert_eq!(literal(r"a\'b"), r"E'a\\''b'");
        assert_eq!(literal("a\0b"), "NULL::text");
        assert_eq!(literal(""), "''");
    }

    #[test]
    fn steps_are_operators() {
        assert_eq!(chain(&[Key("a"), Index(0), Index(-1)]), " -> 'a' -> 0 -> (-1)");
        assert_eq!(text_chain(&[Key("a"), Key("b")]), " -> 'a' ->> 'b'");
        assert_eq!(text_chain(&[]), " #>> '{}'");
    }
}
