//! With names in scope that generated code might stumble over, under another name of the library.
#![allow(non_camel_case_types, clippy::pedantic)]

/// The library by another name.
pub use ::pgrepo as db;
use ::pgrepo::{PgEnum, PgInsert, PgJson, PgNewtype, PgRecord, PgTable};

macro_rules! hostile {
    ($($name:ident),+) => {$(
        /// In the way.
        pub struct $name;
    )+};
}
hostile! {
    Result, Option, Some, None, Ok, Err, Vec, Default, Spec, Column, Record, Cells, Field, Flat, FromRow, WriteFields,
    Encode, Decode, SqlType, PgType, TypeInfo, Layout, Part, Set, Json, JsonField, JsonFlat, JsonStep, JsonValue, JsonContainer, JsonObject, u8, u16, usize, str, bool, i16, i32
}

/// In the way.
pub mod core {}
/// In the way.
pub mod std {}
/// In the way.
pub mod pgrepo {}
/// In the way.
pub mod sqlx {}

/// A table's struct.
#[derive(PgTable)]
#[pg(table = "users", new = "NewUser", constraints = "UserConstraint", check = "users_check: id > 0", crate = "db")]
pub struct User<'a, T> {
    /// The key.
    #[pg(primary_key, identity)]
    pub id: i64,
    /// A parameter.
    pub value: T,
    /// Borrowed.
    pub name: &'a ::core::primitive::str,
    /// Computed.
    #[pg(generated)]
    pub initials: String,
    /// Flat.
    #[pg(flatten = "home_")]
    pub home: Address,
    /// Not a column.
    #[pg(skip)]
    pub cached: f64,
}

/// Embedded.
#[derive(PgRecord)]
#[pg(crate = "crate::hygiene::hostile::db")]
pub struct Address {
    /// A street.
    #[pg(sql_type = "text")]
    pub street: String,
    /// JSON.
    #[pg(json)]
    pub tags: String,
}

/// A newtype.
#[derive(PgNewtype)]
#[pg(domain = "zip", crate = "db")]
pub struct Zip(String);

/// An enum.
#[derive(PgEnum)]
#[pg(crate = "db")]
pub enum Level {
    /// One.
    Low,
}

/// A struct that is among those of the program.
#[derive(PgTable)]
#[pg(table = "plain", json_index = "DOCUMENT.document().key(\"a\")", exclude = "one: (id WITH =)", crate = "db")]
pub struct Plain<'a> {
    /// Borrowed.
    #[pg(primary_key, default = "'a'")]
    pub id: &'a ::core::primitive::str,
    /// Computed.
    #[pg(generated = "1 + 1")]
    pub two: i64,
    /// JSON.
    #[pg(gin_index)]
    pub document: db::Json<::std::collections::BTreeMap<::std::string::String, ::std::string::String>>,
}

/// An enum of numbers.
#[derive(PgEnum)]
#[pg(repr = "int2", crate = "db")]
pub enum Status {
    /// One.
    Open = 1,
}

/// Some columns.
#[derive(PgInsert)]
#[pg(of = User<'static, i64>, crate = "db")]
pub struct Named<'a> {
    /// A name.
    pub name: &'a ::core::primitive::str,
}

/// A record of some columns.
#[derive(PgRecord)]
#[pg(of = User<'static, i64>, crate = "db")]
pub struct Brief<'a> {
    /// The key.
    pub id: i64,
    /// Borrowed.
    #[pg(column = "name")]
    pub r#type: &'a ::core::primitive::str,
    /// Flat.
    #[pg(flatten = "home_")]
    pub home: Address,
    /// Not a column.
    #[pg(skip)]
    pub cached: f64,
}

/// Asks for the record.
pub fn brief(db: &db::Db) -> db::FindValues<'_, &db::Db, User<'static, i64>, Brief<'static>> {
    db.repository::<User<'static, i64>>().find(<User<'static, i64>>::ID.gt(0)).select::<Brief<'static>>()
}

/// A document, which serde's derives would not compile for here.
#[derive(PgJson)]
#[pg(crate = "db")]
pub struct Document<'a, T: ::core::clone::Clone>
where
    T: 'a,
{
    /// A parameter.
    pub value: T,
    /// Borrowed.
    pub name: &'a ::core::primitive::str,
    /// A keyword.
    pub r#type: i64,
    /// Of any form.
    #[pg(opaque)]
    pub other: String,
}

/// A document of several forms.
#[derive(PgJson)]
#[pg(crate = "crate::hygiene::hostile::db")]
pub enum Either<T> {
    /// One.
    None,
    /// A value.
    Some(T),
    /// Two.
    Ok(i64, T),
    /// By name.
    Err {
        /// A field.
        r#fn: T,
    },
}
