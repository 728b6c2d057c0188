//! The table of types, with the edges of each.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use pgrepo::{Db, Hstore, Infinite, Json, Numeric, PgEnum, PgNewtype};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Case, check};

/// `types! { test_name: "sql type" => Rust type: value = "text", …; }`, each a test with a database of its own.
macro_rules! types {
    ($($test:ident: $sql:literal => $rust:ty: $($value:expr => $text:expr),+;)+) => {$(
        #[pgrepo::test(setup = "server/types/types.sql")]
        async fn $test(db: Db) {
            let values: Vec<($rust, &'static str)> = vec![$(($value, $text)),+];
            check(&db, Case { sql: $sql, values }).await;
        }
    )+};
}

fn time(text: &str) -> NaiveTime {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn numeric(text: &str) -> Numeric {
    text.parse().unwrap()
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    city: Option<String>,
    at: [f64; 2],
}

fn place() -> Json<Place> {
    Json(Place { city: Some("Köln \"\\".to_owned()), at: [50.9, -6.96] })
}

#[derive(Debug, Clone, Copy, PgEnum)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    VeryHappy,
    Sad,
}

#[derive(Debug, Clone, Copy, PgEnum)]
#[pg(repr = "int2")]
enum Level {
    Low = -1,
    High = 300,
}

#[derive(Debug, Clone, Copy, PgEnum)]
#[pg(text)]
enum Colour {
    Red,
    #[pg(rename = "deep blue")]
    Blue,
}

#[derive(Debug, Clone, PgNewtype)]
struct Metres(f64);

#[derive(Debug, Clone, PgNewtype)]
#[pg(domain = "email")]
struct Email(String);

types! {
    bools: "bool" => bool: true => "true", false => "false";
    int2: "int2" => i16: i16::MIN => "-32768", 0 => "0", i16::MAX => "32767";
    int4: "int4" => i32: i32::MIN => "-2147483648", -1 => "-1", i32::MAX => "2147483647";
    int8: "int8" => i64: i64::MIN => "-9223372036854775808", i64::MAX => "9223372036854775807";
    float4: "float4" => f32: 0.1 => "0.1", -0.0 => "-0", f32::MAX => "3.4028235e+38", f32::MIN_POSITIVE => "1.1754944e-38",
        f32::NAN => "NaN", f32::NEG_INFINITY => "-Infinity";
    float8: "float8" => f64: 0.1 => "0.1", 1e300 => "1e+300", f64::MIN_POSITIVE => "2.2250738585072014e-308",
        5e-324 => "5e-324", f64::NAN => "NaN", f64::INFINITY => "Infinity";
    text: "text" => String: String::new() => "", "a\u{1}\t\n\\N".into() => "a\u{1}\t\n\\N", "é漢🦀".into() => "é漢🦀";
    varchar: "varchar" => Box<str>: "x".into() => "x", "{\"a\",b}".into() => "{\"a\",b}";
    bpchar: "bpchar" => String: "x".into() => "x", "NULL".into() => "NULL";
    names: "name" => String: "x".into() => "x";
    bytea: "bytea" => Vec<u8>: vec![] => "\\x", vec![0, 1, 255] => "\\x0001ff";
    bytea_shared: "bytea" => Bytes: Bytes::from_static(b"\0") => "\\x00";
    uuid: "uuid" => Uuid: Uuid::nil() => "00000000-0000-0000-0000-000000000000",
        Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef) => "01234567-89ab-cdef-0123-456789abcdef";
    dates: "date" => NaiveDate: date("2000-01-01") => "2000-01-01", date("1999-12-31") => "1999-12-31",
        date("-4712-01-01") => "4713-01-01 BC", date("0000-12-31") => "0001-12-31 BC", date("9999-12-31") => "9999-12-31",
        date("2024-02-29") => "2024-02-29";
    times: "time" => NaiveTime: time("00:00:00") => "00:00:00", time("23:59:59.999999") => "23:59:59.999999";
    timestamps: "timestamp" => NaiveDateTime: at("2000-01-01T00:00:00") => "2000-01-01 00:00:00",
        at("1999-12-31T23:59:59.999999") => "1999-12-31 23:59:59.999999", at("-4000-01-01T00:00:00") => "4001-01-01 00:00:00 BC";
    timestamptz: "timestamptz" => DateTime<Utc>: utc("2026-11-23T15:55:05.000001Z") => "2026-11-23 15:55:05.000001+00",
        utc("1066-10-14T00:00:00Z") => "1066-10-14 00:00:00+00";
    infinite_dates: "date" => Infinite<NaiveDate>: Infinite::NegInfinity => "-infinity", Infinite::Infinity => "infinity",
        Infinite::Finite(date("2000-02-29")) => "2000-02-29";
    infinite_timestamps: "timestamp" => Infinite<NaiveDateTime>: Infinite::NegInfinity => "-infinity",
        Infinite::Infinity => "infinity", Infinite::Finite(at("2000-02-29T01:02:03")) => "2000-02-29 01:02:03";
    infinite_timestamptz: "timestamptz" => Infinite<DateTime<Utc>>: Infinite::NegInfinity => "-infinity",
        Infinite::Infinity => "infinity", Infinite::Finite(utc("2000-02-29T01:02:03Z")) => "2000-02-29 01:02:03+00";
    json: "json" => Json<Place>: place() => r#"{"city":"Köln \"\\","at":[50.9,-6.96]}"#;
    jsonb: "jsonb" => Json<Place>: place() => r#"{"at": [50.9, -6.96], "city": "Köln \"\\"}"#;
    json_values: "jsonb" => serde_json::Value: serde_json::json!(null) => "null", serde_json::json!([1, "a", {}]) => r#"[1, "a", {}]"#,
        serde_json::json!(0.1) => "0.1";
    json_values_as_json: "json" => serde_json::Value: serde_json::json!(null) => "null", serde_json::json!({"b": 1}) => r#"{"b":1}"#;
    raw_json: "json" => Box<RawValue>: raw("{\"b\":  1, \"a\":1e2}") => "{\"b\":  1, \"a\":1e2}";
    raw_jsonb: "jsonb" => Box<RawValue>: raw("{\"a\": 1}") => "{\"a\": 1}", raw("[]") => "[]";
    decimals: "numeric" => Decimal: decimal("0") => "0", decimal("-1.50") => "-1.50",
        decimal("79228162514264337593543950335") => "79228162514264337593543950335",
        decimal("0.0000000000000000000000000001") => "0.0000000000000000000000000001", decimal("10000.0001") => "10000.0001";
    numerics: "numeric" => Numeric: numeric("NaN") => "NaN", numeric("1e100") => concat!("1", "0000000000", "0000000000", "0000000000",
        "0000000000", "0000000000", "0000000000", "0000000000", "0000000000", "0000000000", "0000000000"),
        numeric("-12345678901234567890123456789012345678.90") => "-12345678901234567890123456789012345678.90";
    hstores: "hstore" => Hstore: Hstore::default() => "",
        [("a".to_owned(), Some("1".to_owned())), ("b\"".to_owned(), None)].into_iter().collect() => r#""a"=>"1", "b\""=>NULL"#;
    enums: "mood" => Mood: Mood::VeryHappy => "very_happy", Mood::Sad => "sad";
    integer_enums: "int2" => Level: Level::Low => "-1", Level::High => "300";
    text_enums: "text" => Colour: Colour::Red => "Red", Colour::Blue => "deep blue";
    newtypes: "float8" => Metres: Metres(1.5) => "1.5";
    domains: "email" => Email: Email("a@b".into()) => "a@b";
}

/// Types that borrow cannot own what they read; bound they go like their owned twins.
#[pgrepo::test]
async fn borrowed_values_are_bound(db: Db) {
    let raw = raw("{\"a\": 1}");
    let row: (String, String, String, String, String, String) = db
        .query("SELECT $1::text, $2::text, $3::bytea::text, $4::bytea::text, $5::jsonb::text, $6::text[]::text")
        .bind("é")
        .bind(Cow::Borrowed("cow"))
        .bind(&[0_u8, 255][..])
        .bind(Cow::<[u8]>::Owned(vec![1]))
        .bind(&*raw)
        .bind(&["x", "y"][..])
        .fetch_one()
        .await
        .unwrap();
    let expected = ("é", "cow", "\\x00ff", "\\x01", "{\"a\": 1}", "{x,y}");
    assert_eq!((&*row.0, &*row.1, &*row.2, &*row.3, &*row.4, &*row.5), expected);
}

#[pgrepo::test]
async fn timestamptz_with_an_offset_is_the_same_instant(db: Db) {
    let at: DateTime<FixedOffset> = DateTime::parse_from_rfc3339("2026-11-23T15:55:05+02:00").unwrap();
    let text: String = db.query("SELECT $1::timestamptz::text").bind(at).fetch_one().await.unwrap();
    assert_eq!(text, "2026-11-23 13:55:05+00");
}
