use std::fmt;
use std::marker::PhantomData;

use super::shape::{JsonArray, JsonMap, LeadsTo};
use super::step::{JsonStep, Steps};

/// A marker of both types; drops and sends neither.
type Of<D, V> = (fn() -> *const D, fn() -> *const V);

/// A field of the document `D`, whose value is a `V`; the derive writes one constant for each: `Location::CITY`.
pub struct JsonField<D: ?Sized, V: ?Sized> {
    pub(super) steps: Steps,
    of: PhantomData<Of<D, V>>,
}

impl<D: ?Sized, V: ?Sized> JsonField<D, V> {
    /// A field by the steps that lead to it; the derive calls this.
    ///
    /// # Panics
    /// When there are more than 16 steps; at compile time in a constant.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::JsonField;
    /// use pgrepo::json::JsonStep;
    /// # struct Profile;
    /// const CITY: JsonField<Profile, String> = JsonField::new(&[JsonStep::Key("home"), JsonStep::Key("city")]);
    /// ```
    pub const fn new(steps: &[JsonStep]) -> Self {
        Self { steps: Steps::new(steps), of: PhantomData }
    }

    const fn then<L: ?Sized>(self, steps: &[JsonStep]) -> JsonField<D, L> {
        JsonField { steps: self.steps.join(steps), of: PhantomData }
    }

    /// A field of the struct that this field holds.
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
    /// const STREET: pgrepo::JsonField<Profile, String> = Profile::HOMES.index(0).at(Home::STREET);
    /// assert_eq!(Person::PROFILE.at(STREET).pointer(), "/homes/0/street");
    /// ```
    pub const fn at<E: ?Sized, L: ?Sized>(self, field: JsonField<E, L>) -> JsonField<D, L>
    where
        V: LeadsTo<E>,
    {
        self.then(field.steps.all())
    }

    /// The value of a key of the map that this field holds.
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
    /// let theme = Profile::SETTINGS.key("theme");
    /// assert_eq!(Person::PROFILE.at(theme).pointer(), "/settings/theme");
    /// ```
    pub const fn key<L>(self, key: &'static str) -> JsonField<D, L>
    where
        V: JsonMap<Value = L>,
    {
        self.then(&[JsonStep::Key(key)])
    }

    /// An element of the array that this field holds, from 0; a negative number counts from its end.
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
    /// let first = Profile::SKILLS.index(0);
    /// assert_eq!(Person::PROFILE.at(first).pointer(), "/skills/0");
    /// ```
    pub const fn index<L>(self, index: i32) -> JsonField<D, L>
    where
        V: JsonArray<Item = L>,
    {
        self.then(&[JsonStep::Index(index)])
    }
}

impl<D: ?Sized, V: ?Sized> Clone for JsonField<D, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ?Sized, V: ?Sized> Copy for JsonField<D, V> {}

impl<D: ?Sized, V: ?Sized> fmt::Debug for JsonField<D, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonField({})", self.steps)
    }
}

/// A struct or map whose keys stand among those of the document `D`, as `#[serde(flatten)]` puts them.
///
/// It is no value of its own in the document, so it leads only to its own fields:
/// `Airport::LOCATION.at(Location::GEO.at(Geo::LAT))`.
pub struct JsonFlat<D: ?Sized, F: ?Sized> {
    within: JsonField<D, F>,
}

impl<D: ?Sized, F: ?Sized> JsonFlat<D, F> {
    /// What stands flat in a document, or in a part of it; the derive calls this.
    ///
    /// # Panics
    /// As [`JsonField::new`].
    ///
    /// # Examples
    /// ```
    /// use pgrepo::JsonFlat;
    /// use pgrepo::json::JsonStep;
    /// # struct Profile;
    /// # struct Home;
    /// const HOME: JsonFlat<Profile, Home> = JsonFlat::new(&[JsonStep::Key("details")]);
    /// ```
    pub const fn new(steps: &[JsonStep]) -> Self {
        Self { within: JsonField::new(steps) }
    }

    /// A field of the struct that stands flat in the document.
    ///
    /// # Panics
    /// As [`JsonField::at`].
    ///
    /// # Examples
    /// ```
    /// # use pgrepo::{Json, PgJson, PgTable};
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Geo { lat: f64 }
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Place { #[serde(flatten)] geo: Geo, #[serde(flatten)] more: std::collections::BTreeMap<String, String> }
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Airport { #[serde(flatten)] place: Place }
    /// # #[derive(PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Row { airport: Json<Airport> }
    /// let lat = Airport::PLACE.within(Place::GEO).at(Geo::LAT);
    /// assert_eq!(Row::AIRPORT.at(lat).pointer(), "/lat");
    /// ```
    pub const fn at<E: ?Sized, L: ?Sized>(self, field: JsonField<E, L>) -> JsonField<D, L>
    where
        F: LeadsTo<E>,
    {
        self.within.at(field)
    }

    /// The value of a key of the map that stands flat in the document.
    ///
    /// # Panics
    /// As [`JsonField::at`].
    ///
    /// # Examples
    /// ```
    /// # use pgrepo::{Json, PgJson, PgTable};
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Geo { lat: f64 }
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Place { #[serde(flatten)] geo: Geo, #[serde(flatten)] more: std::collections::BTreeMap<String, String> }
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Airport { #[serde(flatten)] place: Place }
    /// # #[derive(PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Row { airport: Json<Airport> }
    /// let country = Airport::PLACE.within(Place::MORE).key("country");
    /// assert_eq!(Row::AIRPORT.at(country).pointer(), "/country");
    /// ```
    pub const fn key<L>(self, key: &'static str) -> JsonField<D, L>
    where
        F: JsonMap<Value = L>,
    {
        self.within.key(key)
    }

    /// What stands flat in the struct that stands flat in the document.
    ///
    /// # Panics
    /// As [`JsonField::at`].
    ///
    /// # Examples
    /// ```
    /// # use pgrepo::{Json, PgJson, PgTable};
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Geo { lat: f64 }
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Place { #[serde(flatten)] geo: Geo, #[serde(flatten)] more: std::collections::BTreeMap<String, String> }
    /// # #[derive(serde::Serialize, serde::Deserialize, PgJson)]
    /// # struct Airport { #[serde(flatten)] place: Place }
    /// # #[derive(PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Row { airport: Json<Airport> }
    /// let geo = Airport::PLACE.within(Place::GEO);
    /// assert_eq!(Row::AIRPORT.at(geo.at(Geo::LAT)).pointer(), "/lat");
    /// ```
    pub const fn within<E: ?Sized, L: ?Sized>(self, flat: JsonFlat<E, L>) -> JsonFlat<D, L>
    where
        F: LeadsTo<E>,
    {
        JsonFlat { within: self.within.at(flat.within) }
    }
}

impl<D: ?Sized, F: ?Sized> Clone for JsonFlat<D, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ?Sized, F: ?Sized> Copy for JsonFlat<D, F> {}

impl<D: ?Sized, F: ?Sized> fmt::Debug for JsonFlat<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonFlat({})", self.within.steps)
    }
}
