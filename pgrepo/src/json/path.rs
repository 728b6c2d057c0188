use std::fmt;
use std::marker::PhantomData;

use crate::table::{Column, Name, Writable};

use super::field::JsonField;
use super::shape::{JsonArray, JsonColumn, JsonMap, LeadsTo};
use super::step::{JsonStep, Steps};

/// A marker of all types; drops and sends none of them.
type Of<T, V, W> = (fn() -> *const T, fn() -> *const V, W);

/// A path into the documents of a column of the table `T`, to values of the type `V`.
///
/// It begins at a column, by [`Column::at`] or [`Column::document`], and may be a constant. What can be asked depends
/// on `V`: numbers and text have an order, arrays members, maps keys.
///
/// The column must be `jsonb`; PostgreSQL has no such operators for `json`.
///
/// # Examples
/// ```
/// use pgrepo::{Json, PgJson, PgTable};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, PgJson)]
/// #[serde(rename_all = "camelCase")]
/// struct Location {
///     city_name: Option<String>,
///     lat: f64,
///     runways: Vec<Runway>,
/// }
/// #[derive(Serialize, Deserialize, PgJson)]
/// struct Runway {
///     surface: String,
/// }
/// #[derive(PgTable)]
/// #[pg(table = "airports")]
/// struct Airport {
///     #[pg(primary_key)]
///     icao: String,
///     location: Json<Location>,
/// }
///
/// let city = Airport::LOCATION.at(Location::CITY_NAME);
/// assert_eq!(city.sql(), r#"("location" -> 'cityName')"#);
/// let surface = Airport::LOCATION.at(Location::RUNWAYS).index(0).at(Runway::SURFACE);
/// assert_eq!(surface.pointer(), "/runways/0/surface");
/// let northern = Airport::LOCATION.at(Location::LAT).gt(60.0).and(city.eq("Tromsø"));
/// ```
pub struct JsonPath<T: ?Sized, V: ?Sized, W = Writable> {
    pub(super) column: Name,
    pub(super) steps: Steps,
    #[allow(clippy::type_complexity, reason = "a marker")]
    of: PhantomData<Of<T, V, W>>,
}

impl<T: ?Sized, C, W> Column<T, C, W> {
    /// The path to a field of the documents in the column.
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
    /// let city = Person::PROFILE.at(Profile::CITY);
    /// assert_eq!(city.pointer(), "/city");
    /// ```
    pub const fn at<D: ?Sized, V: ?Sized>(self, field: JsonField<D, V>) -> JsonPath<T, V, W>
    where
        C: JsonColumn<Document: LeadsTo<D>>,
    {
        JsonPath { column: self.name(), steps: field.steps, of: PhantomData }
    }

    /// The path to the documents themselves: what they contain as a whole, their keys or elements.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { skills: pgrepo::Json<Vec<String>> }
    /// let pythonistas = Person::SKILLS.document().has("Python");
    /// ```
    pub const fn document<D>(self) -> JsonPath<T, D, W>
    where
        C: JsonColumn<Document = D>,
    {
        JsonPath { column: self.name(), steps: Steps::new(&[]), of: PhantomData }
    }
}

impl<T: ?Sized, V: ?Sized, W> JsonPath<T, V, W> {
    const fn then<L: ?Sized>(self, steps: &[JsonStep]) -> JsonPath<T, L, W> {
        JsonPath { column: self.column, steps: self.steps.join(steps), of: PhantomData }
    }

    /// The path to a field of the struct that this one leads to; through an `Option`, where there is one.
    ///
    /// # Panics
    /// When the path gets more than 16 steps; at compile time in a constant.
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
    /// let street = Person::PROFILE.at(Profile::HOMES).index(0).at(Home::STREET);
    /// assert_eq!(street.pointer(), "/homes/0/street");
    /// ```
    pub const fn at<D: ?Sized, L: ?Sized>(self, field: JsonField<D, L>) -> JsonPath<T, L, W>
    where
        V: LeadsTo<D>,
    {
        self.then(field.steps.all())
    }

    /// The path to the value of a key of the map that this one leads to.
    ///
    /// The key is a part of the statement's text. One that is known at run time only is asked for by
    /// [`has_key`](Self::has_key), or with its value by [`contains`](Self::contains).
    ///
    /// # Panics
    /// As [`at`](Self::at).
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
    /// let theme = Person::PROFILE.at(Profile::SETTINGS).key("theme");
    /// assert_eq!(theme.pointer(), "/settings/theme");
    /// ```
    pub const fn key<L>(self, key: &'static str) -> JsonPath<T, L, W>
    where
        V: JsonMap<Value = L>,
    {
        self.then(&[JsonStep::Key(key)])
    }

    /// The path to an element of the array that this one leads to, from 0; a negative number counts from its end.
    ///
    /// # Panics
    /// As [`at`](Self::at).
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
    /// let last = Person::PROFILE.at(Profile::SKILLS).index(-1);
    /// assert_eq!(last.sql(), r#"("profile" -> 'skills' -> (-1))"#);
    /// ```
    pub const fn index<L>(self, index: i32) -> JsonPath<T, L, W>
    where
        V: JsonArray<Item = L>,
    {
        self.then(&[JsonStep::Index(index)])
    }

    /// The path as a JSON pointer (RFC 6901), as serde_json's `Value::pointer` takes it where no index is negative.
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
    /// assert_eq!(Person::PROFILE.at(Profile::SETTINGS).key("a/b").pointer(), "/settings/a~1b");
    /// ```
    pub fn pointer(&self) -> String {
        self.steps.to_string()
    }
}

impl<T: ?Sized, V: ?Sized, W> Clone for JsonPath<T, V, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, V: ?Sized, W> Copy for JsonPath<T, V, W> {}

impl<T: ?Sized, V: ?Sized, W> fmt::Debug for JsonPath<T, V, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonPath({}{})", self.column, self.steps)
    }
}
