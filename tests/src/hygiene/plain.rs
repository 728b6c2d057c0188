//! Documented, public, with every key.

use pgrepo::{Json, PgEnum, PgInsert, PgNewtype, PgRecord, PgTable, Set};

/// A table's struct.
#[derive(Debug, PgTable)]
#[pg(table = "users", schema = "app", new = "NewUser", new_derive = "Debug, Clone")]
pub struct User {
    /// The key.
    #[pg(primary_key, identity)]
    pub id: i64,
    /// A name.
    #[pg(sql_type = "varchar", column = "full name")]
    pub name: String,
    #[pg(json)]
    tags: Vec<String>,
    /// Some JSON.
    #[pg(json, default)]
    pub extra: Option<Vec<i32>>,
    /// Through the driver.
    #[pg(via_sqlx, default, sql_type = "text")]
    pub note: Option<String>,
    /// A default.
    #[pg(default)]
    pub(crate) rank: i32,
    /// Computed.
    #[pg(generated)]
    pub initials: String,
    /// Flat.
    #[pg(flatten = "home_")]
    pub home: Address,
    /// Clashes with a constant.
    #[pg(constant = "THE_LIMIT")]
    pub limit: i32,
    /// Not a column.
    #[pg(skip)]
    pub cached: u8,
    /// A keyword.
    pub r#type: Mood,
}

impl User {
    /// The user's own constant.
    pub const LIMIT: i32 = 3;
}

/// Embedded.
#[derive(Debug, Clone, PgRecord)]
#[pg(rename_all = "camelCase")]
pub struct Address {
    /// A street.
    pub street_name: String,
    /// A code.
    pub zip: Option<Zip>,
}

/// A newtype.
#[derive(Debug, Clone, PartialEq, Eq, PgNewtype)]
#[pg(domain = "zip")]
pub struct Zip(String);

/// An enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PgEnum)]
pub enum Mood {
    /// One.
    Sad,
    /// Another.
    Happy,
}

/// Generic, borrowing, for a view.
#[derive(Debug, PgTable)]
#[pg(table = "user_list", read_only)]
pub struct Listed<'a, T: Clone, const N: usize>
where
    T: PartialEq + 'a,
{
    /// Of the parameter's type.
    pub key: T,
    /// Several.
    pub keys: Vec<T>,
    /// Borrowed.
    pub name: &'a str,
    /// An array.
    pub code: [i32; N],
}

/// Some columns that are read.
#[derive(Debug, PgRecord)]
#[pg(of = User)]
pub struct Read<'a, V> {
    /// A parameter.
    #[pg(column = "full name")]
    pub name: V,
    /// Through the driver.
    #[pg(via_sqlx)]
    pub note: Option<String>,
    /// A keyword.
    pub r#type: Mood,
    /// Borrowed.
    pub initials: &'a str,
}

/// Some columns.
#[derive(Debug, PgInsert)]
#[pg(of = User)]
pub struct Some<'a> {
    /// A name.
    pub name: &'a str,
    /// JSON.
    pub tags: Json<Vec<String>>,
    /// A default.
    pub rank: Set<i32>,
}

/// A struct inside a function.
///
/// # Panics
/// Never.
#[must_use]
pub fn inside_a_function() -> &'static str {
    #[derive(PgRecord)]
    struct Point {
        x: i32,
    }
    #[derive(PgTable)]
    #[pg(table = "points", new = "NewPoint")]
    struct Local {
        #[pg(primary_key)]
        id: i64,
        #[pg(flatten)]
        point: Point,
    }
    let new = NewPoint { id: 1, point: Point { x: 2 } };
    let local = Local { id: new.id, point: Point { x: new.point.x } };
    assert!(local.id < i64::from(local.point.x));
    Local::SELECT
}
