//! What can be asked of a path.
//!
//! Equality, containment and membership are `column @> document`, which a GIN index on the column serves whatever the
//! path (<https://www.postgresql.org/docs/current/datatype-json.html#JSON-INDEXING>). Containment alone asks for less
//! than equality where the value is an object or an array, or stands in an array; there the value itself is compared
//! too.

use serde::Serialize;

use crate::query::{Filter, Fragment};

use super::arg::{Bound, JsonArg, JsonText};
use super::path::JsonPath;
use super::shape::{JsonArray, JsonContainer, JsonMap};
use super::step::JsonStep;

impl<T: ?Sized, V: ?Sized, W> JsonPath<T, V, W> {
    /// `column @> $1`, the document that holds only this value; and the value itself compared by the operator, where
    /// that asks for more.
    fn contained<'q>(&self, value: Bound<JsonText>, compare: Option<&'static str>) -> Filter<'q, T> {
        let steps = self.steps.all();
        let column = |before: Fragment<'q>| before.and_column(self.column).text(" @> ");
        let document = value.clone().map(|value| value.within(steps));
        Filter::one(match compare {
            None => column(Fragment::default()).param(document),
            Some(operator) => {
                let both = column(Fragment::default().text("(")).param(document).text(" AND ");
                self.value(both).text(operator).param(value).text(")")
            }
        })
    }

    /// Whether the document built around a value asks for the place that the path names.
    fn is_exact(&self) -> bool {
        self.steps.all().iter().all(|step| matches!(step, JsonStep::Key(_)))
    }

    /// Whether containment of a value is its equality: in an object, a single value is contained in its equal only.
    fn is_equality(&self, value: &Bound<JsonText>) -> bool {
        let in_object = matches!(self.steps.all().last(), Some(JsonStep::Key(_)));
        in_object && self.is_exact() && value.is(JsonText::is_scalar)
    }

    fn equals<'q>(&self, value: Bound<JsonText>) -> Filter<'q, T> {
        let compare = if self.is_equality(&value) { None } else { Some(" = ") };
        self.contained(value, compare)
    }

    /// The value equals this one; `None` asks for what is read as `None`: null or missing.
    ///
    /// It is the JSON that is compared: objects and arrays as wholes, and an instant written in another zone, or a
    /// decimal's string with other zeros, is another value. A GIN index on the column serves it, but not `None`.
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
    /// let in_la_paz = Person::PROFILE.at(Profile::CITY).eq("La Paz");
    /// ```
    pub fn eq<'q>(self, value: impl JsonArg<V>) -> Filter<'q, T> {
        let value = JsonText::of(&value);
        if value.is(JsonText::is_null) {
            return Filter::one(self.text(Fragment::default()).text(" IS NULL"));
        }
        self.equals(value)
    }

    /// The value differs from this one, and is neither null nor missing; `None` asks for any value that is neither.
    ///
    /// No index serves it.
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
    /// let elsewhere = Person::PROFILE.at(Profile::CITY).ne("La Paz");
    /// ```
    pub fn ne<'q>(self, value: impl JsonArg<V>) -> Filter<'q, T> {
        let value = JsonText::of(&value);
        if value.is(JsonText::is_null) {
            return Filter::one(self.text(Fragment::default()).text(" IS NOT NULL"));
        }
        let other = self.value(Fragment::default().text("(")).text(" <> ").param(value).text(" AND ");
        Filter::one(self.value(other).text(" <> 'null')"))
    }

    /// The value equals one of these, which are bound as one array; `None` among them asks for null or missing.
    ///
    /// A GIN index on the column serves it, unless `None` is among them.
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
    /// let either = Person::PROFILE.at(Profile::CITY).in_(["La Paz", "Sucre"]);
    /// ```
    pub fn in_<'q, A: JsonArg<V>>(self, values: impl IntoIterator<Item = A>) -> Filter<'q, T> {
        let all = values.into_iter().map(|value| JsonText::of(&value));
        let (nulls, values): (Vec<_>, Vec<_>) = all.partition(|value| value.is(JsonText::is_null));
        let plain = values.iter().all(|value| self.is_equality(value));
        let values = Bound::all(values);
        let steps = self.steps.all();
        let documents =
            values.clone().map(|values| values.into_iter().map(|value| value.within(steps)).collect::<Vec<_>>());
        let any = Fragment::default().text("(").and_column(self.column).text(" @> ANY (").param(documents);
        let any = any.text("::jsonb[])");
        let any =
            if plain { any } else { self.value(any.text(" AND ")).text(" = ANY (").param(values).text("::jsonb[])") };
        let found = Filter::one(any.text(")"));
        if nulls.is_empty() {
            return found;
        }
        found.or(Filter::one(self.text(Fragment::default()).text(" IS NULL")))
    }

    /// The value is there and is JSON's null; a GIN index on the column serves it.
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
    /// let nowhere = Person::PROFILE.at(Profile::CITY).is_null();
    /// ```
    pub fn is_null<'q>(self) -> Filter<'q, T> {
        self.equals(JsonText::of(&()))
    }

    /// The path leads to a value, which may be null. No index serves it.
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
    /// let written = Person::PROFILE.at(Profile::CITY).exists();
    /// ```
    pub fn exists<'q>(self) -> Filter<'q, T> {
        Filter::one(self.value(Fragment::default()).text(" IS NOT NULL"))
    }

    /// The path leads nowhere: a key or an element on it is not there, or the column is NULL. No index serves it.
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
    /// let of_an_older_version = Person::PROFILE.at(Profile::SETTINGS).is_missing();
    /// ```
    pub fn is_missing<'q>(self) -> Filter<'q, T> {
        Filter::one(self.value(Fragment::default()).text(" IS NULL"))
    }

    /// The value contains this document: each of its keys with a value that contains its, each of its elements at any
    /// place (<https://www.postgresql.org/docs/current/datatype-json.html#JSON-CONTAINMENT>).
    ///
    /// A GIN index on the column serves it.
    ///
    /// # Examples
    /// ```
    /// # use pgrepo::{Json, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { notes: serde_json::Value }
    /// let closed = Airport::NOTES.document().contains(serde_json::json!({"state": {"closed": true}}));
    /// ```
    pub fn contains<'q>(self, part: impl Serialize) -> Filter<'q, T>
    where
        V: JsonContainer,
    {
        let compare = if self.is_exact() { None } else { Some(" @> ") };
        self.contained(JsonText::of(&part), compare)
    }

    /// The array has this value among its elements; a GIN index on the column serves it.
    ///
    /// An element that is an object or an array need only contain the value.
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
    /// let rustaceans = Person::PROFILE.at(Profile::SKILLS).has("Rust");
    /// ```
    pub fn has<'q>(self, value: impl JsonArg<V::Item>) -> Filter<'q, T>
    where
        V: JsonArray,
    {
        let compare = if self.is_exact() { None } else { Some(" @> ") };
        self.contained(JsonText::of(&value).map(JsonText::in_array), compare)
    }

    /// The map has this key; the index of [`key_index_ddl`](Self::key_index_ddl) serves it.
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
    /// let themed = Person::PROFILE.at(Profile::SETTINGS).has_key("theme");
    /// ```
    pub fn has_key<'q>(self, key: impl Into<String>) -> Filter<'q, T>
    where
        V: JsonMap,
    {
        Filter::one(self.value(Fragment::default()).text(" ? ").param(key.into()))
    }

    /// The map has one or more of these keys, which are bound as one array. Index as for [`has_key`](Self::has_key).
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
    /// let set = Person::PROFILE.at(Profile::SETTINGS).has_any_key(["theme", "size"]);
    /// ```
    pub fn has_any_key<'q, K: Into<String>>(self, keys: impl IntoIterator<Item = K>) -> Filter<'q, T>
    where
        V: JsonMap,
    {
        self.keys(" ?| ", keys)
    }

    /// The map has all of these keys, which are bound as one array. Index as for [`has_key`](Self::has_key).
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
    /// let set = Person::PROFILE.at(Profile::SETTINGS).has_all_keys(["theme", "size"]);
    /// ```
    pub fn has_all_keys<'q, K: Into<String>>(self, keys: impl IntoIterator<Item = K>) -> Filter<'q, T>
    where
        V: JsonMap,
    {
        self.keys(" ?& ", keys)
    }

    fn keys<'q, K: Into<String>>(&self, operator: &'static str, keys: impl IntoIterator<Item = K>) -> Filter<'q, T> {
        let keys: Vec<String> = keys.into_iter().map(Into::into).collect();
        Filter::one(self.value(Fragment::default()).text(operator).param(keys))
    }
}
