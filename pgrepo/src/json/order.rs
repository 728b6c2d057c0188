//! Comparisons of a path's values by size, and orders by them.
//!
//! The value is cast to what it is compared as (see [`Rendering`](super::Rendering)), by the expression that
//! [`JsonPath::index_ddl`] makes an index of.

use crate::query::{Filter, Fragment, Sort};

use super::arg::{JsonArg, JsonText};
use super::leaf::JsonScalar;
use super::path::JsonPath;

/// Appends a value that is compared with the path's; it goes as text, which JSON's values are, and is cast.
fn compared<'q, V: JsonScalar + ?Sized>(fragment: Fragment<'q>, value: impl JsonArg<V>) -> Fragment<'q> {
    let value = JsonText::of(&value).try_map(JsonText::into_plain);
    fragment.param(value).text(match V::RENDERING.sql_type() {
        "text" => "::text".to_owned(),
        other => format!("::text::{other}"),
    })
}

impl<T: ?Sized, V: ?Sized, W> JsonPath<T, V, W> {
    fn compare<'q>(&self, operator: &'static str, value: impl JsonArg<V>) -> Filter<'q, T>
    where
        V: JsonScalar,
    {
        Filter::one(compared(self.typed().text(operator), value))
    }

    /// The value is less than this one.
    ///
    /// The index of [`index_ddl`](Self::index_ddl) serves this and the other comparisons by size. A value that is
    /// null, missing, or cannot be cast meets none of them, and none is met by `None`.
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
    /// let rare = Person::PROFILE.at(Profile::VISITS).lt(10);
    /// ```
    pub fn lt<'q>(self, value: impl JsonArg<V>) -> Filter<'q, T>
    where
        V: JsonScalar,
    {
        self.compare(" < ", value)
    }

    /// The value is this one or less.
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
    /// let rare = Person::PROFILE.at(Profile::VISITS).le(10);
    /// ```
    pub fn le<'q>(self, value: impl JsonArg<V>) -> Filter<'q, T>
    where
        V: JsonScalar,
    {
        self.compare(" <= ", value)
    }

    /// The value is greater than this one.
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
    /// let regular = Person::PROFILE.at(Profile::VISITS).gt(100);
    /// ```
    pub fn gt<'q>(self, value: impl JsonArg<V>) -> Filter<'q, T>
    where
        V: JsonScalar,
    {
        self.compare(" > ", value)
    }

    /// The value is this one or greater.
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
    /// let regular = Person::PROFILE.at(Profile::VISITS).ge(100);
    /// ```
    pub fn ge<'q>(self, value: impl JsonArg<V>) -> Filter<'q, T>
    where
        V: JsonScalar,
    {
        self.compare(" >= ", value)
    }

    /// The value is one of these two, or between them.
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
    /// let some = Person::PROFILE.at(Profile::VISITS).between(10, 100);
    /// ```
    pub fn between<'q>(self, least: impl JsonArg<V>, greatest: impl JsonArg<V>) -> Filter<'q, T>
    where
        V: JsonScalar,
    {
        let from = compared(self.typed().text(" BETWEEN "), least).text(" AND ");
        Filter::one(compared(Fragment::default().text("(").followed_by(from), greatest).text(")"))
    }

    /// Sorts by the value, the least first, what is null or missing last; served by the index of
    /// [`index_ddl`](Self::index_ddl).
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
    /// let least_first = Person::PROFILE.at(Profile::VISITS).asc();
    /// ```
    pub fn asc<'q>(self) -> Sort<'q, T>
    where
        V: JsonScalar,
    {
        Sort::ascending(self.typed())
    }

    /// Sorts by the value, what is null or missing first, then the greatest; served by the same index.
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
    /// let most_first = Person::PROFILE.at(Profile::VISITS).desc().nulls_last();
    /// ```
    pub fn desc<'q>(self) -> Sort<'q, T>
    where
        V: JsonScalar,
    {
        Sort::descending(self.typed())
    }
}
