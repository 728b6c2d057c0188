//! Without the prelude.
#![no_implicit_prelude]

use ::pgrepo::{PgEnum, PgInsert, PgJson, PgNewtype, PgRecord, PgTable};
use ::std::string::String;

/// A table's struct.
#[derive(PgTable)]
#[pg(
    table = "users",
    new = "NewUser",
    constraints = "UserConstraint",
    unique = "users_name: name",
    json_index = "TAGS.document().index(0)"
)]
pub struct User {
    /// The key.
    #[pg(primary_key, identity)]
    pub id: i64,
    /// A name.
    pub name: ::std::option::Option<String>,
    /// JSON.
    #[pg(json, default = "'[]'", gin_index)]
    pub tags: ::std::vec::Vec<String>,
    /// Computed.
    #[pg(generated = "name")]
    pub initials: String,
    /// Flat.
    #[pg(flatten)]
    pub home: Address,
    /// Not a column.
    #[pg(skip)]
    pub cached: u8,
}

/// Embedded.
#[derive(PgRecord)]
pub struct Address {
    /// A street.
    pub street: String,
    /// A mood.
    #[pg(via_sqlx)]
    pub mood: String,
}

/// A newtype.
#[derive(PgNewtype)]
pub struct Zip(String);

/// An enum of text.
#[derive(PgEnum)]
#[pg(text)]
pub enum Level {
    /// One.
    Low,
}

/// An enum of numbers.
#[derive(PgEnum)]
#[pg(repr = "int8")]
pub enum Status {
    /// One.
    Open = 1,
}

/// Some columns.
#[derive(PgInsert)]
#[pg(of = User)]
pub struct Named<'a> {
    /// A name.
    pub name: &'a str,
}

/// A record of some columns.
#[derive(PgRecord)]
#[pg(of = User)]
pub struct Brief<'a> {
    /// The key.
    pub id: i64,
    /// A name, which may be absent.
    #[pg(column = "name")]
    pub called: ::std::option::Option<&'a str>,
    /// Flat.
    #[pg(flatten)]
    pub home: Address,
    /// Not a column.
    #[pg(skip)]
    pub cached: u8,
}

/// Asks for the record.
pub fn brief(db: &::pgrepo::Db) -> ::pgrepo::FindValues<'_, &::pgrepo::Db, User, Brief<'static>> {
    db.repository::<User>().find(User::ID.gt(0)).select::<Brief<'static>>()
}

/// A document.
#[derive(::serde::Serialize, ::serde::Deserialize, PgJson)]
pub struct Document {
    /// A value.
    pub city: ::std::option::Option<String>,
    /// Flat.
    #[serde(flatten)]
    pub part: Part,
    /// Of any form.
    #[pg(opaque)]
    pub other: String,
}

/// A part of a document.
#[derive(::serde::Serialize, ::serde::Deserialize, PgJson)]
#[serde(tag = "type")]
pub enum Part {
    /// A field.
    Whole {
        /// A value.
        size: i64,
    },
}
