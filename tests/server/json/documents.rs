//! Documents of every form that serde's attributes give, made at random.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use pgrepo::{Json, PgJson, PgTable};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::support::Rng;

#[derive(Debug, Clone, PgTable)]
#[pg(table = "docs")]
pub(super) struct Row {
    #[pg(primary_key)]
    pub(super) id: i32,
    pub(super) doc: Option<Json<Doc>>,
}

/// A document: leaves, containers, and enums in each of their forms.
#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
#[serde(rename_all = "camelCase")]
pub(super) struct Doc {
    pub(super) full_name: String,
    #[serde(rename(serialize = "the \"city\" o'clock\\n/~1", deserialize = "the \"city\" o'clock\\n/~1"))]
    pub(super) city: Option<String>,
    #[serde(rename = "")]
    pub(super) nameless: i64,
    #[serde(rename = "größe 🦀", default, alias = "size")]
    pub(super) size: f64,
    #[serde(skip)]
    #[allow(dead_code, reason = "it is never written")]
    pub(super) cache: u8,
    #[serde(rename(serialize = "nick"), alias = "nick", default, skip_serializing_if = "Option::is_none")]
    pub(super) nick_name: Option<Box<str>>,
    pub(super) r#type: bool,
    pub(super) ratio: Option<f32>,
    pub(super) day: NaiveDate,
    pub(super) at_noon: Option<NaiveTime>,
    pub(super) seen: DateTime<Utc>,
    pub(super) price: Decimal,
    pub(super) id: Uuid,
    pub(super) skills: Vec<String>,
    pub(super) marks: Vec<Option<i64>>,
    pub(super) settings: BTreeMap<String, i64>,
    pub(super) places: HashMap<String, Address>,
    pub(super) homes: Vec<Address>,
    pub(super) boxed: Option<Box<Address>>,
    pub(super) user: UserId,
    pub(super) pair: Pair,
    pub(super) clear: Clear<i64>,
    pub(super) external: External,
    pub(super) internal: Internal,
    pub(super) adjacent: Option<Adjacent>,
    pub(super) untagged: Untagged,
    pub(super) tagged: Tagged,
    #[serde(flatten)]
    pub(super) geo: Geo,
    #[serde(flatten)]
    pub(super) shape: Shape,
    #[serde(flatten)]
    pub(super) more: BTreeMap<String, Value>,
    #[serde(with = "hex")]
    #[pg(opaque)]
    pub(super) colour: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
pub(super) struct Address {
    pub(super) street: String,
    #[serde(rename = "no.")]
    pub(super) number: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
pub(super) struct UserId(pub(super) i64);

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
pub(super) struct Pair(pub(super) String, #[serde(skip)] (), pub(super) Vec<i64>);

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
#[serde(transparent)]
pub(super) struct Clear<T> {
    pub(super) value: T,
    of: PhantomData<fn() -> T>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE", rename_all_fields = "PascalCase")]
pub(super) enum External {
    Nothing,
    OneValue(i64),
    TwoValues(String, i64),
    #[serde(rename = "o'ther\\")]
    Named {
        first_name: String,
    },
    #[serde(rename_all = "UPPERCASE")]
    AlsoNamed {
        first_name: Option<String>,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Internal {
    OnlyTag,
    HasAddress(Address),
    HasFields { count: i64 },
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
#[serde(tag = "t'", content = "c\"")]
pub(super) enum Adjacent {
    Unit,
    Newtype(Vec<i64>),
    Tuple(i64, bool),
    Struct { key: String },
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
#[serde(untagged)]
pub(super) enum Untagged {
    Number(i64),
    Words(Vec<String>),
    Object { width: i64 },
    Missing,
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
#[serde(tag = "kind", rename = "the kind")]
pub(super) struct Tagged {
    pub(super) weight: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
#[serde(rename_all(serialize = "kebab-case", deserialize = "kebab-case"))]
pub(super) struct Geo {
    pub(super) lat_deg: f64,
    #[serde(flatten)]
    pub(super) inner: GeoInner,
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
pub(super) struct GeoInner {
    pub(super) zone: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
#[serde(rename_all_fields = "camelCase")]
pub(super) enum Shape {
    Circle { radius_cm: i64 },
    Square(Address),
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
    pub(super) fn serialize<S: Serializer>(n: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{n:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(from)?, 16).map_err(serde::de::Error::custom)
    }
}

/// Texts and keys that something might stumble over.
pub(super) const ODD: [&str; 14] =
    ["", "a", "o'clock", "\"q\"", "b\\c", "a/b~c", "ключ 🦀", "0", "-1", "$1", "null", "{x,y}", "E'\\x'", "tab\t\u{1}"];

pub(super) fn text(rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => ODD[rng.below(ODD.len())].to_owned(),
        1 => format!("{}{}", ODD[rng.below(ODD.len())], rng.below(5)),
        _ => format!("s{}", rng.below(40)),
    }
}

fn number(rng: &mut Rng) -> i64 {
    match rng.below(8) {
        0 => [i64::MIN, i64::MAX, 0, -1][rng.below(4)],
        1 => rng.next().cast_signed(),
        _ => small(rng),
    }
}

pub(super) fn small(rng: &mut Rng) -> i64 {
    i64::try_from(rng.below(30)).unwrap() - 10
}

fn float(rng: &mut Rng) -> f64 {
    match rng.below(6) {
        0 => [0.0, -0.0, 1e300, -1e300, 5e-324, 0.1, f64::MAX, f64::NAN][rng.below(8)],
        1 => Some(f64::from_bits(rng.next())).filter(|n| n.is_finite()).unwrap_or(1.5),
        _ => f64::from(i32::try_from(rng.below(200)).unwrap()) / 8.0 - 12.0,
    }
}

fn maybe<T>(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (rng.below(3) > 0).then(|| make(rng))
}

fn some<T, C: FromIterator<T>>(rng: &mut Rng, mut make: impl FnMut(&mut Rng) -> T) -> C {
    (0..rng.below(4)).map(|_| make(rng)).collect()
}

impl Address {
    pub(super) fn any(rng: &mut Rng) -> Self {
        Self { street: text(rng), number: maybe(rng, number) }
    }
}

impl External {
    fn any(rng: &mut Rng) -> Self {
        match rng.below(5) {
            0 => Self::Nothing,
            1 => Self::OneValue(number(rng)),
            2 => Self::TwoValues(text(rng), small(rng)),
            3 => Self::Named { first_name: text(rng) },
            _ => Self::AlsoNamed { first_name: maybe(rng, text) },
        }
    }
}

impl Internal {
    fn any(rng: &mut Rng) -> Self {
        match rng.below(3) {
            0 => Self::OnlyTag,
            1 => Self::HasAddress(Address::any(rng)),
            _ => Self::HasFields { count: number(rng) },
        }
    }
}

impl Adjacent {
    fn any(rng: &mut Rng) -> Self {
        match rng.below(4) {
            0 => Self::Unit,
            1 => Self::Newtype(some(rng, number)),
            2 => Self::Tuple(small(rng), rng.below(2) == 0),
            _ => Self::Struct { key: text(rng) },
        }
    }
}

impl Untagged {
    fn any(rng: &mut Rng) -> Self {
        match rng.below(4) {
            0 => Self::Number(small(rng)),
            1 => Self::Words(some(rng, text)),
            2 => Self::Object { width: number(rng) },
            _ => Self::Missing,
        }
    }
}

impl Doc {
    pub(super) fn any(rng: &mut Rng) -> Self {
        let day = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap() + chrono::Days::new(rng.next() % 400);
        let seconds = u32::try_from(rng.below(86_400)).unwrap();
        let nanos = [0, 500_000_000, 123_456_000][rng.below(3)];
        let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos).unwrap();
        Self {
            full_name: text(rng),
            city: maybe(rng, text),
            nameless: number(rng),
            size: float(rng),
            cache: 1,
            nick_name: maybe(rng, |rng| text(rng).into()),
            r#type: rng.below(2) == 0,
            ratio: maybe(rng, |rng| f32::from(u8::try_from(rng.below(200)).unwrap()) / 10.0),
            day,
            at_noon: maybe(rng, |_| time),
            seen: day.and_time(time).and_utc(),
            price: Decimal::new(small(rng) * 7, u32::try_from(rng.below(3)).unwrap()),
            id: Uuid::from_u64_pair(rng.next(), rng.next()),
            skills: some(rng, text),
            marks: some(rng, |rng| maybe(rng, small)),
            settings: some(rng, |rng| (ODD[rng.below(ODD.len())].to_owned(), small(rng))),
            places: some(rng, |rng| (ODD[rng.below(ODD.len())].to_owned(), Address::any(rng))),
            homes: some(rng, Address::any),
            boxed: maybe(rng, |rng| Address::any(rng).into()),
            user: UserId(number(rng)),
            pair: Pair(text(rng), (), some(rng, small)),
            clear: Clear { value: small(rng), of: PhantomData },
            external: External::any(rng),
            internal: Internal::any(rng),
            adjacent: maybe(rng, Adjacent::any),
            untagged: Untagged::any(rng),
            tagged: Tagged { weight: small(rng) },
            geo: Geo { lat_deg: float(rng), inner: GeoInner { zone: maybe(rng, text) } },
            shape: if rng.below(2) == 0 {
                Shape::Circle { radius_cm: small(rng) }
            } else {
                Shape::Square(Address::any(rng))
            },
            more: some(rng, |rng| (format!("x{}", ODD[rng.below(ODD.len())]), Value::from(small(rng)))),
            colour: u32::try_from(rng.below(9)).unwrap(),
        }
    }
}

/// The table, and documents in it that a seed makes.
pub(super) async fn filled(db: &pgrepo::Db, seed: u64, rows: i32) -> Vec<Doc> {
    let mut rng = Rng(seed);
    let docs: Vec<Doc> = (0..rows).map(|_| Doc::any(&mut rng)).collect();
    db.execute_script("CREATE TABLE docs (id int4 PRIMARY KEY, doc jsonb)").await.unwrap();
    let all = (0..).zip(&docs).map(|(id, doc)| Row { id, doc: Some(Json(doc.clone())) });
    db.repository::<Row>().copy_in(all.collect::<Vec<_>>()).await.unwrap();
    docs
}

/// Whether two JSON values are the same to jsonb, which has one type of numbers.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64() == b.as_f64(),
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
