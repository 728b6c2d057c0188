//! Values that one side has and the other has not.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use pgrepo::{Db, ErrorKind, Infinite, Json, Numeric, PgTable, ValueError};
use rust_decimal::Decimal;
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

#[derive(Debug, PgTable)]
#[pg(table = "amount")]
struct Exact {
    id: i32,
    value: Numeric,
}

#[derive(Debug, PgTable)]
#[pg(table = "amount")]
struct Short {
    id: i32,
    value: Decimal,
}

#[derive(Debug, PgTable)]
#[pg(table = "amount")]
struct Float {
    id: i32,
    value: f64,
}

/// The causes behind an error.
fn causes(error: &pgrepo::Error) -> String {
    format!("{error:?}")
}

#[pgrepo::test(sql = "CREATE TABLE amount (id int4, value numeric)")]
async fn fault_34_numbers_beyond_a_machine_s_are_exact_or_an_error_and_never_rounded(db: Db) {
    let used = pid(&db).await;
    let forty = "1234567890123456789012345678901234567890";
    let far = format!("1{}", "0".repeat(100));
    let small = format!("0.{}1", "0".repeat(99));
    let all = ["NaN", forty, &far, &small, "-0.30", "1.10000000000000000000000000000000000001"];
    // Exact, by COPY and as parameters and results: the server's own text is the judge.
    let rows = (0..).zip(all).map(|(id, text)| Exact { id, value: text.parse().unwrap() });
    db.repository::<Exact>().copy_in(rows).await.unwrap();
    let stored: Vec<String> = db.query("SELECT value::text FROM amount ORDER BY id").fetch_all().await.unwrap();
    assert_eq!(stored, all);
    let mut out = db.repository::<Exact>().copy_out().await.unwrap();
    while let Some(row) = out.next().await.unwrap() {
        assert_eq!(row.value.to_string(), all[usize::try_from(row.id).unwrap()]);
    }
    drop(out);
    for text in all {
        let value: Numeric = text.parse().unwrap();
        let read: (String, Numeric) =
            db.query("SELECT $1::numeric::text, $1::numeric").bind(&value).fetch_one().await.unwrap();
        assert_eq!((read.0.as_str(), &read.1), (text, &value));
    }
    // A type that holds 28 digits reads those, and of the others none.
    let fits = ["-0.30"];
    for (id, text) in (0..).zip(all) {
        let read = db.query("SELECT id, value FROM amount WHERE id = $1").bind(id).fetch_one::<Short>().await;
        match read {
            Ok(row) => assert!(fits.contains(&text) && row.value.to_string() == text, "{text} as {row:?}"),
            Err(error) => {
                assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some("value")), "{error:?}");
                assert!(!fits.contains(&text), "{error:?}");
            }
        }
    }
    // A float is refused for such a column, both ways, and a column of fewer digits refuses what it cannot hold.
    let error = db.repository::<Float>().copy_in([Float { id: 0, value: 0.3 }]).await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some("value")), "{error:?}");
    let error = db.query("SELECT $1::numeric").bind(0.3_f64).fetch_one::<Numeric>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
    let error = db.query("SELECT id, value FROM amount").fetch_all::<Float>().await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some("value")), "{error:?}");
    db.execute_script("TRUNCATE amount; ALTER TABLE amount ALTER value TYPE numeric(10, 2)").await.unwrap();
    let rows = [Exact { id: 0, value: "1.25".parse().unwrap() }, Exact { id: 1, value: forty.parse().unwrap() }];
    let error = db.repository::<Exact>().copy_in(rows).await.unwrap_err();
    assert_eq!((error.row(), error.sqlstate().unwrap().as_str()), (Some(1), "22003"), "{error:?}");
    assert_eq!(db.query("SELECT count(*) FROM amount").fetch_val::<i64>().await.unwrap(), 0);
    assert_eq!(pid(&db).await, used);
}

/// The infinities came with version 14.
#[pgrepo::test]
async fn fault_34_infinite_numbers_are_read_as_such_or_are_an_error(db: Db) {
    let version: String = db.query("SHOW server_version_num").fetch_val().await.unwrap();
    let has_none = version.parse::<u32>().unwrap() < 140_000;
    for text in ["Infinity", "-Infinity"] {
        if has_none {
            let sent = db.query("SELECT $1::numeric::text").bind(text.parse::<Numeric>().unwrap());
            let error = sent.fetch_one::<String>().await.unwrap_err();
            assert!(error.server().is_some(), "{error:?}");
            continue;
        }
        let read: (Numeric, String) = db
            .query("SELECT $1::text::numeric, $2::numeric::text")
            .bind(text)
            .bind(text.parse::<Numeric>().unwrap())
            .fetch_one()
            .await
            .unwrap();
        assert_eq!((read.0.to_string().as_str(), read.1.as_str()), (text, text));
        assert!(!read.0.is_finite());
        let error = db.query("SELECT $1::text::numeric").bind(text).fetch_one::<Decimal>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error:?}");
        assert!(causes(&error).contains(text), "{error:?}");
    }
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "lists")]
struct Lists {
    id: i32,
    items: Vec<Option<i32>>,
}

#[derive(Debug, PgTable)]
#[pg(table = "lists")]
struct Full {
    id: i32,
    items: Vec<i32>,
}

#[pgrepo::test(sql = "CREATE TABLE lists (id int4, items int4[])")]
async fn fault_38_arrays_are_as_declared_or_an_error(db: Db) {
    let used = pid(&db).await;
    let rows = || [(0, vec![]), (1, vec![Some(1), None, Some(3)]), (2, vec![None])];
    let loaded = rows().map(|(id, items)| Lists { id, items });
    db.repository::<Lists>().copy_in(&loaded).await.unwrap();
    let texts: Vec<String> = db.query("SELECT items::text FROM lists ORDER BY id").fetch_all().await.unwrap();
    assert_eq!(texts, ["{}", "{1,NULL,3}", "{NULL}"]);
    let read = db.repository::<Lists>().all().order_by(Lists::ID.asc()).fetch_all().await.unwrap();
    assert_eq!(read, loaded);
    let mut out = db.repository::<Lists>().copy_out().await.unwrap();
    let mut count = 0;
    while let Some(row) = out.next().await.unwrap() {
        assert_eq!(row, loaded[count]);
        count += 1;
    }
    assert_eq!(count, 3);
    drop(out);
    // A NULL for a type that has none.
    let full = db.repository::<Full>();
    assert!(full.find(Full::ID.eq(0)).fetch_one().await.unwrap().items.is_empty());
    let error = full.find(Full::ID.eq(1)).fetch_one().await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some("items")), "{error:?}");
    // Columns keep neither dimensions nor bounds; a list has none to say, in a query as in a COPY.
    for (array, why) in [
        ("'{{1,2},{3,4}}'", "2 dimensions"),
        ("'[0:2]={1,2,3}'", "first index is 0"),
        ("'[-5:-4]={1,2}'", "first index is -5"),
    ] {
        db.execute_script(&format!("TRUNCATE lists; INSERT INTO lists VALUES (7, {array}), (8, '{{1}}')"))
            .await
            .unwrap();
        let error = db.repository::<Lists>().find(Lists::ID.eq(7)).fetch_one().await.unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some("items")), "{error:?}");
        assert!(causes(&error).contains(why), "{error:?}");
        let mut out = db.repository::<Lists>().copy_out().await.unwrap();
        let error = out.next().await.map(drop).unwrap_err();
        assert!(error.kind() == ErrorKind::Decode && causes(&error).contains(why), "{error:?}");
        assert_eq!(out.next().await.unwrap().unwrap().items, [Some(1)], "the next row is read");
        assert!(out.next().await.unwrap().is_none());
    }
    let cause = db.query("SELECT '{{1}}'::int4[]").fetch_val::<Vec<i32>>().await.unwrap_err();
    assert!(std::error::Error::source(&cause).unwrap().is::<ValueError>(), "{cause:?}");
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
