//! Values that stand in a statement as literals of the server's own writing.

use std::fmt::Debug;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use futures_util::TryStreamExt;
use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyFormat, Db, Decode, Encode, FromCell, Json, Numeric, OwnedRow, PgEnum, PgTable};
use uuid::Uuid;

use crate::support::Rng;

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "texts")]
struct Text {
    id: i64,
    value: String,
}

const TEXTS: &[&str] = &[
    "",
    "'",
    "''",
    "\\",
    "\\'",
    "'; DROP TABLE texts; --",
    "\\'; DROP TABLE texts; --",
    "$1",
    "$$",
    "$t$",
    "E'\\n'",
    "\\n\\t\\x41",
    "a\nb\r\n\tc",
    ")::text) TO STDOUT; DROP TABLE texts; --",
    "/* ' */",
    "-- '",
    "\"",
    "%L %s %I %%",
    "NULL",
    " padded ",
    "é€🦀\u{7f}\u{1}",
    "U&'\\0041'",
    "\\",
    "\\\\'",
];

async fn texts(db: &Db) {
    let rows: Vec<Text> = (0..).zip(TEXTS).map(|(id, value)| Text { id, value: (*value).to_owned() }).collect();
    db.execute_script("CREATE TABLE texts (id int8, value text)").await.unwrap();
    db.repository::<Text>().copy_in(&rows).await.unwrap();
    let mut rng = Rng(0x5eed);
    let random = (0..200).map(|_| (0..rng.below(12)).map(|_| TEXTS[rng.below(TEXTS.len())]).collect::<String>());
    for value in TEXTS.iter().map(|text| (*text).to_owned()).chain(random) {
        let expected: Vec<Text> = rows.iter().filter(|row| row.value == value).cloned().collect();
        let found = db.repository::<Text>().find(Text::VALUE.eq(&*value)).order_by(Text::ID.asc());
        let found: Vec<Text> = found.copy_out().await.unwrap().try_collect().await.unwrap();
        assert_eq!(found, expected, "{value:?}");
        // Among texts of each kind that hold what reads like a parameter.
        let sql = "SELECT $1::text, '$1 it''s' || $2 /* $1 */, E'\\'$1', $$ $1' $$, $3::text AS \"a $1\" -- $1";
        let query = db.query(sql).bind(&*value).bind(&*value).bind(&*value);
        let mut read = query.copy_out::<(String, String, String, String, String)>().await.unwrap();
        let (a, b, c, d, e) = read.next().await.unwrap().unwrap();
        assert_eq!((&a, &e), (&value, &value));
        assert_eq!((b, &*c, &*d), (format!("$1 it's{value}"), "'$1", " $1' "));
    }
    assert_eq!(db.repository::<Text>().all().count().await.unwrap(), TEXTS.len() as u64);
}

#[pgrepo::test]
async fn a_hostile_text_is_only_a_text(db: Db) {
    texts(&db).await;
}

#[pgrepo::test]
async fn a_hostile_text_is_only_a_text_where_backslashes_escape(db: TestDatabase) {
    let set = Db::from_url(&db.url()).await.unwrap();
    set.execute_script(&format!("ALTER DATABASE \"{}\" SET standard_conforming_strings = off", db.name()))
        .await
        .unwrap();
    let ours = Db::from_url(&db.url()).await.unwrap();
    let off: String = ours.query("SELECT current_setting('standard_conforming_strings')").fetch_val().await.unwrap();
    assert_eq!(off, "off");
    texts(&ours).await;
    // A text that only such a session reads to its end.
    let sql = r"SELECT 'it\'s $1' || $1";
    let rows: Vec<String> =
        ours.query(sql).bind("'; x \\").copy_out::<String>().await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows, ["it's $1'; x \\"]);
    let mut out = Vec::new();
    let nulls = ours.query("SELECT NULL::text, $1::text").bind("\\N");
    nulls.copy_out_raw(&CopyFormat::csv().without_header().null("\\N"), &mut out).await.unwrap();
    assert_eq!(out, b"\\N,\"\\N\"\n");
}

#[derive(Debug, Clone, PartialEq, PgTable, serde::Serialize)]
#[pg(table = "tree")]
struct Tree {
    #[pg(primary_key)]
    id: i64,
    parent: Option<i64>,
}

const NAMES: &[&str] = &["it's", "a\\", "\\'; DROP TABLE kept; --", "'; DROP TABLE kept; --", "\"\\'", "E'\\\\'"];

/// What is done to a table whose schema, and constraint, bear a name; and to one that bears it itself.
async fn named(db: &Db, name: &str) {
    let quoted = pgrepo::table::quote_ident(name);
    let tree = |id, parent| Tree { id, parent };
    db.execute_script(&format!(
        "CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.tree (id int8 PRIMARY KEY, parent int8, CONSTRAINT {quoted} \
         FOREIGN KEY (parent) REFERENCES {quoted}.tree DEFERRABLE); \
         CREATE VIEW {quoted}.{quoted} AS SELECT 1::int8 AS id; CREATE TABLE {quoted}.records (id int8)"
    ))
    .await
    .unwrap();
    let ours = db.repository::<Tree>();
    let trees = ours.in_schema(name);
    assert_eq!(trees.copy_in([tree(1, None)]).await.unwrap().rows, 1, "{name}");
    assert_eq!(trees.merge([tree(1, None), tree(2, Some(1))]).execute().await.unwrap().inserted, 1, "{name}");
    let rows = [tree(3, Some(-5)), tree(4, Some(2)), tree(1, None)];
    let table = format!("{name}2");
    let report = trees.load(rows).to_table((name, &*table)).await.unwrap();
    assert_eq!((report.rows, report.rejected), (1, 2), "{name}");
    let mut tx = db.begin().await.unwrap();
    let inside = tx.repository::<Tree>();
    let report = inside.in_schema(name).load([tree(5, Some(1))]).to_table((name, &*table)).await.unwrap();
    assert_eq!((report.rows, report.rejected), (1, 0), "{name}");
    tx.commit().await.unwrap();
    let all: Vec<Tree> = trees.copy_out().await.unwrap().try_collect().await.unwrap();
    assert_eq!(all, [tree(1, None), tree(2, Some(1)), tree(4, Some(2)), tree(5, Some(1))], "{name}");
    let row = || [[pgrepo::Value::from(1_i64)]];
    assert_eq!(db.copy_records((name, "records"), &["id"], row()).await.unwrap().rows, 1, "{name}");
    let view = db.copy_records((name, name), &["id"], row()).await.unwrap_err();
    assert!(view.to_string().contains("a view takes no COPY"), "{view}");
}

#[pgrepo::test]
async fn a_hostile_name_is_only_a_name_whatever_backslashes_do(db: TestDatabase) {
    let set = Db::from_url(&db.url()).await.unwrap();
    set.execute_script("CREATE TABLE kept ()").await.unwrap();
    for value in ["on", "off"] {
        let alter = format!("ALTER DATABASE \"{}\" SET standard_conforming_strings = {value}", db.name());
        set.execute_script(&alter).await.unwrap();
        let ours = Db::from_url(&db.url()).await.unwrap();
        for name in NAMES {
            named(&ours, &format!("{name}{value}")).await;
            named(&ours, &format!("{value}{name}")).await;
        }
    }
    assert_eq!(set.query("SELECT count(*) FROM kept").fetch_val::<i64>().await.unwrap(), 0, "it is there");
}

async fn same<V>(db: &Db, ty: &str, values: &[V])
where
    V: Encode + Debug + Clone + Send + Sync + FromCell + OwnedRow + for<'r> Decode<'r>,
{
    for value in values {
        let sql = format!("SELECT $1::{ty}");
        let rows = db.query(sql).bind(value.clone()).copy_out::<V>().await.unwrap();
        let rows: Vec<V> = rows.try_collect().await.unwrap();
        assert_eq!(format!("{rows:?}"), format!("{:?}", [value]), "{ty}");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
#[pg(name = "odd'mood")]
enum Mood {
    #[pg(rename = "it's")]
    Its,
}

async fn every_type(db: &Db) {
    same(db, "float8", &[0.1, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::NAN, f64::INFINITY, 1.0 / 3.0]).await;
    same(db, "float4", &[0.1_f32, f32::MIN_POSITIVE, f32::MAX, f32::NEG_INFINITY, 1.0 / 3.0]).await;
    same(db, "int8", &[i64::MIN, i64::MAX, -1]).await;
    same(db, "int2", &[i16::MIN, i16::MAX]).await;
    same(db, "bool", &[true, false]).await;
    same::<Numeric>(db, "numeric", &["NaN".parse().unwrap(), "1e-100".parse().unwrap(), "12.50".parse().unwrap()])
        .await;
    same(db, "bytea", &[Bytes::from((0..=255).collect::<Vec<u8>>()), Bytes::new()]).await;
    let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    same(
        db,
        "timestamptz",
        &[time("2024-02-03T04:05:06.789012Z"), time("0001-01-01T00:00:00Z"), time("9999-12-31T23:59:59Z")],
    )
    .await;
    same(db, "date", &[NaiveDate::from_ymd_opt(2024, 2, 3).unwrap()]).await;
    same(db, "time", &[NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap()]).await;
    same(db, "uuid", &[Uuid::from_u128(u128::MAX / 3)]).await;
    same(db, "jsonb", &[Json(serde_json::json!({"a'": ["\\", "\"", 1.5, null, "é"]}))]).await;
    same(db, "json", &[Json(serde_json::json!("'\\"))]).await;
    let texts: Vec<Option<String>> = TEXTS.iter().map(|text| Some((*text).to_owned())).chain([None]).collect();
    same(db, "text[]", &[texts, Vec::new()]).await;
    same(db, "float8[]", &[vec![0.1, f64::NAN]]).await;
    same(db, "varchar", &["abc".to_owned()]).await;
    same(db, "bpchar", &["ab  ".to_owned()]).await;
    same(db, "name", &["it's".to_owned()]).await;
    same(db, "\"odd'mood\"", &[Mood::Its]).await;
    same::<Option<i64>>(db, "int8", &[None, Some(7)]).await;
    same::<Option<String>>(db, "text", &[None, Some(String::new())]).await;
}

#[pgrepo::test(sql = "CREATE TYPE \"odd'mood\" AS ENUM ('it''s')")]
async fn every_type_s_literal_is_its_value(db: TestDatabase) {
    let ours = Db::from_url(&db.url()).await.unwrap();
    every_type(&ours).await;
    // Settings that change the text that the server writes.
    for (setting, value) in [
        // Whose abbreviation, IST, the server reads as Israel's time.
        ("TimeZone", "'Asia/Kolkata'"),
        ("DateStyle", "'SQL, DMY'"),
        ("IntervalStyle", "'sql_standard'"),
        ("bytea_output", "'escape'"),
        ("search_path", "pg_catalog, public"),
        ("quote_all_identifiers", "on"),
    ] {
        ours.execute_script(&format!("ALTER DATABASE \"{}\" SET {setting} = {value}", db.name())).await.unwrap();
    }
    let other = Db::from_url(&db.url()).await.unwrap();
    let style: String = other.query("SELECT current_setting('bytea_output')").fetch_val().await.unwrap();
    assert_eq!(style, "escape");
    every_type(&other).await;
}
