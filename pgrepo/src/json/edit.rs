//! Changes of a part of a document, in the statement that updates its row.
//!
//! Each change is an expression of `d`, the document before it; those of one column in one statement are put one
//! around the other, see [`Assignment`].

use serde::Serialize;

use crate::query::{Assignment, Fragment};
use crate::table::CanWrite;

use super::arg::{Bound, JsonArg, JsonText};
use super::leaf::JsonNumber;
use super::path::JsonPath;
use super::shape::{JsonArray, JsonObject};
use super::sql::{chain, literal, text_chain};
use super::step::JsonStep;

/// A step as a path's text has it, in which indexes are text too.
fn path_text(step: &JsonStep) -> String {
    match step {
        JsonStep::Key(key) => literal(key),
        JsonStep::Index(index) => format!("'{index}'"),
    }
}

/// The document at the end of some steps, or an empty one where there is none yet.
fn present(steps: &[JsonStep], empty: &str) -> String {
    format!("coalesce(nullif(d{}, 'null'), '{empty}')", chain(steps))
}

impl<T: ?Sized, V: ?Sized, W> JsonPath<T, V, W> {
    /// Puts a value at the end of the path; what is on the way and not there yet, or null, is made.
    fn put<'q>(&self, value: Fragment<'q>) -> Assignment<'q, T> {
        let steps = self.steps.all();
        let mut all = Fragment::default();
        for (i, step) in steps.iter().enumerate() {
            let (before, _) = steps.split_at(i);
            let empty = if matches!(step, JsonStep::Key(_)) { "{}" } else { "[]" };
            all = all.text(format!("jsonb_set({}, ARRAY[{}], ", present(before, empty), path_text(step)));
        }
        all = all.followed_by(value).text(")".repeat(steps.len()));
        Assignment::part(self.column, all)
    }

    /// Gives the value at the path a new one, in the statement that updates the row; the rest of the document stays.
    ///
    /// Objects and arrays on the way that are missing or null are made; an index past the end of an array appends.
    /// `None` is written as null. A single value on the way, which has no parts, is the server's to refuse. Several changes of one column in one statement are made one after the other.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Json, PgJson, PgTable};
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Profile { city: String, visits: i64, skills: Vec<String> }
    /// # #[derive(PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { #[pg(primary_key)] id: i64, profile: Json<Profile> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let changes = [
    ///     Person::PROFILE.at(Profile::CITY).set("La Paz"),
    ///     Person::PROFILE.at(Profile::VISITS).increment(1),
    ///     Person::PROFILE.at(Profile::SKILLS).push("Rust"),
    /// ];
    /// db.repository::<Person>().patch(7, changes).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set<'q>(self, value: impl JsonArg<V>) -> Assignment<'q, T>
    where
        W: CanWrite,
    {
        self.put(Fragment::default().param(JsonText::of(&value)).text("::jsonb"))
    }

    /// Removes the key or the element that the path ends in, if it is there. A whole document becomes NULL.
    ///
    /// A document that lacks a key which its struct needs can no longer be read into it: this is for keys of maps,
    /// elements, `Option`s and fields with a default.
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
    /// let change = Person::PROFILE.at(Profile::SETTINGS).key("theme").remove();
    /// ```
    pub fn remove<'q>(self) -> Assignment<'q, T>
    where
        W: CanWrite,
    {
        let steps: Vec<String> = self.steps.all().iter().map(path_text).collect();
        Assignment::part(
            self.column,
            Fragment::default().text(match steps.as_slice() {
                [] => "NULL::jsonb".to_owned(),
                // A single value has no parts, and the operator refuses it.
                steps => format!(
                    "CASE WHEN jsonb_typeof(d) IN ('object', 'array') THEN d #- ARRAY[{}] ELSE d END",
                    steps.join(", ")
                ),
            }),
        )
    }

    /// Appends a value to the array at the path, which is made where it is missing or null.
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
    /// let change = Person::PROFILE.at(Profile::SKILLS).push("Rust");
    /// ```
    pub fn push<'q>(self, value: impl JsonArg<V::Item>) -> Assignment<'q, T>
    where
        V: JsonArray,
        W: CanWrite,
    {
        let array = present(self.steps.all(), "[]");
        let value = Fragment::default().text(format!("{array} || jsonb_build_array(")).param(JsonText::of(&value));
        self.put(value.text("::jsonb)"))
    }

    /// Adds to the number at the path, which counts as 0 where it is missing or null. The sum is exact, as numeric.
    ///
    /// # Errors
    /// Of the statement: `None`, NaN and the infinities cannot be added.
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
    /// let change = Person::PROFILE.at(Profile::VISITS).increment(1);
    /// ```
    pub fn increment<'q>(self, by: impl JsonArg<V>) -> Assignment<'q, T>
    where
        V: JsonNumber,
        W: CanWrite,
    {
        let number = |text: Option<String>| text.ok_or_else(|| "only a number can be added to a number".to_owned());
        let by = JsonText::of(&by).try_map(|by| by.into_plain().and_then(number));
        let sum = format!("to_jsonb(coalesce((d{})::numeric, 0) + ", text_chain(self.steps.all()));
        self.put(Fragment::default().text(sum).param(by).text("::text::numeric)"))
    }

    /// Puts the keys of an object into the one at the path, in the place of those with the same names; what is nested
    /// is replaced, not merged. The object at the path is made where it is missing or null.
    ///
    /// # Errors
    /// Of the statement: what is merged is no object.
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
    /// let change = Person::PROFILE.at(Profile::SETTINGS).merge(serde_json::json!({"theme": 7, "size": 2}));
    /// ```
    pub fn merge<'q>(self, object: impl Serialize) -> Assignment<'q, T>
    where
        V: JsonObject,
        W: CanWrite,
    {
        let object: Bound<JsonText> = JsonText::of(&object).try_map(|object| {
            if object.is_object() { Ok(object) } else { Err("only an object can be merged into an object".to_owned()) }
        });
        let whole = present(self.steps.all(), "{}");
        self.put(Fragment::default().text(format!("{whole} || ")).param(object).text("::jsonb"))
    }
}
