//! The two rows that are measured, as a struct each: wide, about 280 bytes in binary COPY, and narrow.

use chrono::{DateTime, Utc};
use pgrepo::value::{Items, RawJson};
use pgrepo::{Json, PgJson, PgTable, PgType, TypeInfo, TypeKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A document with a struct and a list in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
pub struct Profile {
    /// A text.
    pub city: String,
    /// A nested struct.
    pub settings: Settings,
    /// A list.
    pub scores: Vec<u32>,
}

/// What is nested in a [`Profile`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
pub struct Settings {
    /// A text.
    pub theme: String,
    /// A bool.
    pub newsletter: bool,
    /// An integer.
    pub logins: u32,
}

/// `id int8, name text, email text, age int4, active bool, balance float8, created_at timestamptz, uid uuid,
/// profile jsonb, tags text[]`
#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "wide")]
pub struct Wide {
    /// int8
    #[pg(primary_key)]
    pub id: i64,
    /// text
    pub name: String,
    /// text
    pub email: String,
    /// int4
    pub age: i32,
    /// bool
    pub active: bool,
    /// float8
    pub balance: f64,
    /// timestamptz
    pub created_at: DateTime<Utc>,
    /// uuid
    pub uid: Uuid,
    /// jsonb
    pub profile: Json<Profile>,
    /// text[]
    pub tags: Vec<String>,
}

/// [`Wide`] as it stands in the row's buffer: nothing is allocated, the document is not parsed.
#[derive(Debug, Clone, Copy, PgTable)]
#[pg(table = "wide", read_only)]
pub struct WideRef<'r> {
    /// int8
    pub id: i64,
    /// text
    pub name: &'r str,
    /// text
    pub email: &'r str,
    /// int4
    pub age: i32,
    /// bool
    pub active: bool,
    /// float8
    pub balance: f64,
    /// timestamptz
    pub created_at: DateTime<Utc>,
    /// uuid
    pub uid: Uuid,
    /// jsonb
    pub profile: RawJson<'r>,
    /// text[]
    pub tags: Items<'r, &'r str>,
}

/// `name text, email text, age int4`
#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "narrow")]
pub struct Narrow {
    /// text
    pub name: String,
    /// text
    pub email: String,
    /// int4
    pub age: i32,
}

/// [`Narrow`] as it stands in the row's buffer.
#[derive(Debug, Clone, Copy, PartialEq, PgTable)]
#[pg(table = "narrow")]
pub struct NarrowRef<'r> {
    /// text
    pub name: &'r str,
    /// text
    pub email: &'r str,
    /// int4
    pub age: i32,
}

/// The wide row's types, as a server describes them.
pub fn wide_types() -> Vec<TypeInfo> {
    let text = TypeInfo::builtin(PgType::TEXT);
    let tags = TypeInfo::new(1009, "text[]", TypeKind::Array(text.clone().into()));
    let mut types = vec![TypeInfo::builtin(PgType::INT8), text.clone(), text];
    types.extend(
        [PgType::INT4, PgType::BOOL, PgType::FLOAT8, PgType::TIMESTAMPTZ, PgType::UUID, PgType::JSONB]
            .map(TypeInfo::builtin),
    );
    types.push(tags);
    types
}

/// The narrow row's types.
pub fn narrow_types() -> Vec<TypeInfo> {
    [PgType::TEXT, PgType::TEXT, PgType::INT4].map(TypeInfo::builtin).to_vec()
}

const NAMES: [&str; 5] = ["Ann Lee", "Bartholomew Featherstone", "Cleo Ng", "Dana Kowalczyk", "Éloïse de la Tour"];
const CITIES: [&str; 4] = ["Oslo", "La Paz", "Nuku'alofa", "Ulaanbaatar"];
const TAGS: [&str; 4] = ["new", "premium", "newsletter", "beta-tester"];

fn pick<'a>(list: &[&'a str], index: usize) -> &'a str {
    list.get(index % list.len()).copied().unwrap_or_default()
}

/// The `n`th wide row.
pub fn wide(n: u32) -> Wide {
    let at = usize::try_from(n).unwrap_or_default();
    Wide {
        id: i64::from(n) + 1,
        name: format!("{} {n}", pick(&NAMES, at)),
        email: format!("person.number.{n}@example.org"),
        age: i32::try_from(n % 90).unwrap_or_default(),
        active: !n.is_multiple_of(3),
        balance: f64::from(n) * 1.25 - 1000.0,
        created_at: DateTime::from_timestamp(1_700_000_000 + i64::from(n) * 61, (n % 1_000_000) * 1_000)
            .unwrap_or_default(),
        uid: Uuid::from_u128(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        profile: Json(Profile {
            city: pick(&CITIES, at).to_owned(),
            settings: Settings {
                theme: if n.is_multiple_of(2) { "dark" } else { "light" }.to_owned(),
                newsletter: n.is_multiple_of(5),
                logins: n * 7 % 10_000,
            },
            scores: (0..4).map(|i| (n + i) * 31 % 1_000).collect(),
        }),
        tags: (0..3).map(|i| pick(&TAGS, at + i).to_owned()).collect(),
    }
}

/// The `n`th narrow row.
pub fn narrow(n: u32) -> Narrow {
    let Wide { name, email, age, .. } = wide(n);
    Narrow { name, email, age }
}
