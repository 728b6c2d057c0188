//! Without the prelude.
#![no_implicit_prelude]

use ::pgrepo::{PgEnum, PgInsert, PgNewtype, PgRecord, PgTable};
use ::std::string::String;

/// A table's struct.
#[derive(PgTable)]
#[pg(table = "users", new = "NewUser")]
pub struct User {
    /// The key.
    #[pg(primary_key, identity)]
    pub id: i64,
    /// A name.
    pub name: ::std::option::Option<String>,
    /// JSON.
    #[pg(json, default)]
    pub tags: ::std::vec::Vec<String>,
    /// Computed.
    #[pg(generated)]
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

/// Some columns that are read.
#[derive(PgRecord)]
#[pg(of = User)]
pub struct Read {
    /// JSON.
    #[pg(json)]
    pub tags: ::std::vec::Vec<String>,
    /// Flat.
    #[pg(flatten)]
    pub home: Address,
    /// Not a column.
    #[pg(skip)]
    pub cached: u8,
}
