//! Values that one side has and the other has not.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use pgrepo::{Db, ErrorKind, Infinite, Json, PgTable};
use serde_json::value::RawValue;

#[derive(Debug, PgTable)]
#[pg(table = "text")]
struct Text {
    id: i32,
    body: String,
}

async fn pid(db: &Db) -> i32 {
    db.query("SELECT pg_backend_pid()").fetch_one().await.unwrap()
}

#[pgrepo::test(sql = "CREATE TABLE text (id int4, body text)")]
async fn fault_31_nul_in_a_text_is_refused_before_it_is_sent(db: Db) {
    let used = pid(&db).await;
    let rows = (0..2000).map(|id| Text { id, body: if id == 1234 { "a\0b".into() } else { "x".repeat(100) } });
    let error = db.repository::<Text>().copy_in(rows).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error:?}");
    let place = (error.table(), error.row(), error.field(), error.column());
    assert_eq!(place, (Some("text"), Some(1234), Some("body"), Some("body")));
    assert!(error.server().is_none());
    let error = db.query("INSERT INTO text VALUES ($1, $2)").bind(1).bind("a\0b").execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error:?}");
    assert!(error.to_string().contains("parameter $2"), "{error}");
    assert!(error.server().is_none());
    assert_eq!(db.query("SELECT count(*) FROM text").fetch_one::<i64>().await.unwrap(), 0);
    assert_eq!(pid(&db).await, used, "the connection stays in use");
}

#[derive(Debug, PgTable)]
#[pg(table = "doc")]
struct Doc {
    id: i32,
    body: Box<RawValue>,
}

#[pgrepo::test(sql = "CREATE TABLE doc (id int4, body jsonb)")]
async fn fault_32_json_that_the_server_has_not_is_an_error_and_the_connection_lives(db: Db) {
    let used = pid(&db).await;
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for body in [r#"{"a": "\u0000"}"#, r#"["\ud800"]"#, &deep] {
        let rows = (0..10).map(|id| Doc {
            id,
            body: RawValue::from_string(if id == 7 { body.to_owned() } else { "1".to_owned() }).unwrap(),
        });
        let error = db.repository::<Doc>().copy_in(rows).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Encode | ErrorKind::Copy), "{error:?}");
        assert_eq!(error.row(), Some(7), "{error:?}");
        let raw = RawValue::from_string(body.to_owned()).unwrap();
        db.query("INSERT INTO doc VALUES (1, $1)").bind(raw).execute().await.unwrap_err();
        assert_eq!(pid(&db).await, used);
    }
    assert_eq!(db.query("SELECT count(*) FROM doc").fetch_one::<i64>().await.unwrap(), 0);
    // And one that the server has, and a Rust value has not.
    let read = db.query("SELECT ('[' || repeat('[', 1000) || repeat(']', 1000) || ']')::jsonb");
    let error = read.fetch_one::<Json<serde_json::Value>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error:?}");
    assert_eq!(pid(&db).await, used);
}

#[pgrepo::test]
async fn fault_33_infinity_and_far_years_have_a_type_or_are_an_error(db: Db) {
    let used = pid(&db).await;
    for sql in ["SELECT 'infinity'::date", "SELECT '-infinity'::date", "SELECT '5000000-01-01'::date"] {
        let error = db.query(sql).fetch_one::<NaiveDate>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{sql}: {error:?}");
    }
    for value in ["infinity", "-infinity", "294000-01-01"] {
        let sql = format!("SELECT '{value}'::timestamp");
        let error = db.query(sql).fetch_one::<NaiveDateTime>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{value}: {error:?}");
        let sql = format!("SELECT '{value}'::timestamptz");
        let error = db.query(sql).fetch_one::<DateTime<Utc>>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{value}: {error:?}");
    }
    let read: (Infinite<NaiveDate>, Infinite<DateTime<Utc>>) =
        db.query("SELECT '-infinity'::date, 'infinity'::timestamptz").fetch_one().await.unwrap();
    assert_eq!(read, (Infinite::NegInfinity, Infinite::Infinity));
    let sent: bool =
        db.query("SELECT $1 = 'infinity'::date").bind(Infinite::<NaiveDate>::Infinity).fetch_one().await.unwrap();
    assert!(sent);
    assert_eq!(pid(&db).await, used);
}

#[pgrepo::test]
async fn fault_37_as_many_parameters_as_the_protocol_has_and_one_more(db: Db) {
    let sql = |n: usize| {
        let terms: Vec<_> = (1..=n).map(|i| format!("(${i}::int4)")).collect();
        format!("SELECT sum(v) FROM (VALUES {}) t(v)", terms.join(","))
    };
    let bound = |n: usize| (0..n).fold(db.query(sql(n)), |query, _| query.bind(1));
    assert_eq!(bound(65_535).fetch_one::<i64>().await.unwrap(), 65_535);
    let error = bound(65_536).fetch_one::<i64>().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Mismatch | ErrorKind::Query), "{error:?}");
    assert!(error.to_string().contains("65535") || error.to_string().contains("65,535"), "{error}");
    db.query("SELECT 1").fetch_one::<i32>().await.unwrap();
}

#[derive(Debug, PgTable)]
#[pg(table = "blob")]
struct Blob<'a> {
    id: i32,
    head: &'a [u8],
    tail: &'a [u8],
}

#[pgrepo::test(sql = "CREATE TABLE blob (id int4, head bytea, tail bytea)")]
async fn fault_36_a_value_and_a_row_of_a_gibibyte_are_refused_before_they_are_sent(db: Db) {
    let used = pid(&db).await;
    // Never written, so no memory stands behind it.
    let huge = vec![0; 1 << 30];
    let small = Blob { id: 1, head: b"a", tail: b"b" };
    let error = db.repository::<Blob<'_>>().copy_in([&small, &Blob { tail: &huge, ..small }]).await.unwrap_err();
    assert_eq!((error.kind(), error.row(), error.field()), (ErrorKind::Encode, Some(1), Some("tail")), "{error:?}");
    let error = db.query("INSERT INTO blob VALUES (1, $1)").bind(&*huge).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error:?}");
    assert!(error.server().is_none());
    let half = &huge[..1 << 29];
    let row = Blob { id: 2, head: half, tail: half };
    let error = db.repository::<Blob<'_>>().copy_in([&small, &row]).await.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Encode, Some(1)), "{error:?}");
    assert!(error.server().is_none());
    assert_eq!(pid(&db).await, used, "the connection stays in use");
    assert_eq!(db.query("SELECT count(*) FROM blob").fetch_one::<i64>().await.unwrap(), 0);
}
