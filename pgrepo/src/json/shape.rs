//! What a type's JSON form is made of, as far as paths go through it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use crate::value::Json;

/// A column's type that is a JSON document.
#[diagnostic::on_unimplemented(
    message = "a column of the type `{Self}` holds no JSON document to follow a path in",
    label = "no JSON column",
    note = "a JSON column's field is a Json<T>, a serde_json::Value, or marked #[pg(json)]"
)]
pub trait JsonColumn {
    /// The document's type.
    type Document;
}

impl<D> JsonColumn for Json<D> {
    type Document = D;
}

impl JsonColumn for serde_json::Value {
    type Document = Self;
}

impl<C: JsonColumn> JsonColumn for Option<C> {
    type Document = C::Document;
}

/// A value in which the fields of `D` are found: `D` itself, an `Option` of it, a box around it.
#[diagnostic::on_unimplemented(
    message = "this field is one of `{D}`, and the path has led to `{Self}`",
    label = "a field of `{D}`",
    note = "fields are looked for in the struct that the path has led to; the fields of `{Self}` are constants of its \
            own, which #[derive(PgJson)] writes"
)]
pub trait LeadsTo<D: ?Sized> {}

impl<D: ?Sized> LeadsTo<D> for D {}
impl<D> LeadsTo<D> for Option<D> {}
impl<D: ?Sized> LeadsTo<D> for Box<D> {}
impl<D> LeadsTo<D> for Option<Box<D>> {}
impl<D> LeadsTo<D> for Box<Option<D>> {}
impl<D> LeadsTo<D> for Json<D> {}

/// A type whose JSON form is an object with keys of any name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no map, so its JSON has no keys to ask for by name",
    label = "no map",
    note = "the fields of a struct are constants, which #[derive(PgJson)] writes: path.at(Location::CITY)"
)]
pub trait JsonMap {
    /// The values' type.
    type Value;
}

/// A type whose JSON form is an array of values of one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no array in JSON, as far as pgrepo knows",
    label = "no array",
    note = "vectors, arrays, sets and serde_json::Value are; a single value is compared with `eq` and changed with `set`"
)]
pub trait JsonArray {
    /// The elements' type.
    type Item;
}

/// A type whose JSON form is an object or an array: what another document may be contained in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an object nor an array in JSON, as far as pgrepo knows",
    label = "no JSON container",
    note = "maps, vectors and serde_json::Value are; derive PgJson for a struct or enum of your own; compare a single \
            value with `eq`"
)]
pub trait JsonContainer {}

/// A type whose JSON form is an object: what keys may be merged into.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no object in JSON, as far as pgrepo knows",
    label = "no JSON object",
    note = "maps and serde_json::Value are; derive PgJson for a struct or enum of your own"
)]
pub trait JsonObject: JsonContainer {}

macro_rules! maps {
    ($([$($g:tt)*] $map:ty => $value:ty),+ $(,)?) => {$(
        impl<$($g)*> JsonMap for $map { type Value = $value; }
        impl<$($g)*> JsonContainer for $map {}
        impl<$($g)*> JsonObject for $map {}
    )+};
}
maps!([K, V, S] HashMap<K, V, S> => V, [K, V] BTreeMap<K, V> => V, [] serde_json::Map<String, serde_json::Value> => serde_json::Value);

macro_rules! arrays {
    ($([$($g:tt)*] $array:ty),+ $(,)?) => {$(
        impl<T, $($g)*> JsonArray for $array { type Item = T; }
        impl<T, $($g)*> JsonContainer for $array {}
    )+};
}
arrays!([] Vec<T>, [] VecDeque<T>, [] Box<[T]>, [const N: usize] [T; N], [S] HashSet<T, S>, [] BTreeSet<T>);

impl JsonMap for serde_json::Value {
    type Value = Self;
}

impl JsonArray for serde_json::Value {
    type Item = Self;
}

impl JsonContainer for serde_json::Value {}
impl JsonObject for serde_json::Value {}

macro_rules! seen_through {
    ($($of:ident)+) => {$(
        impl<V: JsonMap> JsonMap for $of<V> { type Value = V::Value; }
        impl<V: JsonArray> JsonArray for $of<V> { type Item = V::Item; }
        impl<V: JsonContainer> JsonContainer for $of<V> {}
        impl<V: JsonObject> JsonObject for $of<V> {}
    )+};
}
seen_through!(Option Json Box);
