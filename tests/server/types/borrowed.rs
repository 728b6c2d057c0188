//! Types that borrow from what they are read from, and such as arrays that are only written, as fields: struct → COPY →
//! the server's text → lent back by COPY and by SELECT.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset};
use pgrepo::value::{Items, RawJson};
use pgrepo::{Db, PgInsert, PgTable};
use serde_json::value::RawValue;

/// What the server holds: the texts of a table's columns, row by row.
async fn texts(db: &Db, columns: &str) -> Vec<Vec<Option<String>>> {
    let texts = columns.split(' ').map(|c| format!("{c}::text")).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT ARRAY[{texts}] FROM lent ORDER BY id");
    db.query(&*sql).fetch_all().await.unwrap()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|&text| Some(text.to_owned())).collect()
}

/// Loads the rows, and compares each with what COPY and SELECT lend of it, by their Debug: a `RawValue` has no
/// equality.
macro_rules! lent_back {
    ($db:ident, $table:ident, $rows:expr) => {
        let rows = $rows;
        assert_eq!($db.repository::<$table<'_>>().copy_in(rows).await.unwrap().rows, rows.len() as u64);
        let mut copied = $db.repository::<$table<'_>>().copy_out().await.unwrap();
        for row in rows {
            let lent = copied.next().await.unwrap().unwrap();
            assert_eq!(format!("{lent:?}"), format!("{row:?}"), "by COPY");
        }
        assert!(copied.next().await.unwrap().is_none());
        let mut selected = $db.repository::<$table<'_>>().all().order_by($table::ID.asc()).stream().await.unwrap();
        for row in rows {
            let lent = selected.next().await.unwrap().unwrap();
            assert_eq!(format!("{lent:?}"), format!("{row:?}"), "by SELECT");
        }
        assert!(selected.next().await.unwrap().is_none());
    };
}

#[pgrepo::test(sql = "CREATE TABLE lent (id int4, a text, b varchar, c text, d name)")]
async fn texts_are_lent(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "lent")]
    struct Texts<'a> {
        id: i32,
        a: &'a str,
        b: Cow<'a, str>,
        c: Option<&'a str>,
        d: Option<Cow<'a, str>>,
    }
    let rows = [
        Texts { id: 1, a: "é漢🦀", b: Cow::Borrowed("cow"), c: Some("\\N\t\"{}"), d: Some("n".to_owned().into()) },
        Texts { id: 2, a: "", b: Cow::Owned("owned".to_owned()), c: None, d: None },
    ];
    lent_back!(db, Texts, &rows);
    let second = vec![Some(String::new()), Some("owned".to_owned()), None, None];
    assert_eq!(texts(&db, "a b c d").await, [some(&["é漢🦀", "cow", "\\N\t\"{}", "n"]), second]);
}

#[pgrepo::test(sql = "CREATE TABLE lent (id int4, a bytea, b bytea, c bytea, d bytea)")]
async fn bytes_are_lent(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "lent")]
    struct Bytes<'a> {
        id: i32,
        a: &'a [u8],
        b: Cow<'a, [u8]>,
        c: Option<&'a [u8]>,
        d: [u8; 3],
    }
    let rows = [
        Bytes { id: 1, a: &[0, 1, 255], b: Cow::Borrowed(b"\n"), c: Some(b"x"), d: [9, 0, 255] },
        Bytes { id: 2, a: b"", b: Cow::Owned(vec![7; 3]), c: None, d: [0; 3] },
    ];
    lent_back!(db, Bytes, &rows);
    let second = vec![Some("\\x".to_owned()), Some("\\x070707".to_owned()), None, Some("\\x000000".to_owned())];
    assert_eq!(texts(&db, "a b c d").await, [some(&["\\x0001ff", "\\x0a", "\\x78", "\\x0900ff"]), second]);
    // Bytes of another number do not fit.
    db.execute_script("DELETE FROM lent WHERE id = 2; UPDATE lent SET d = '\\x00'").await.unwrap();
    let error = db.repository::<Bytes<'_>>().copy_out().await.unwrap().next().await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (pgrepo::ErrorKind::Decode, Some("d")), "{error:?}");
}

#[pgrepo::test(sql = "CREATE TABLE lent (id int4, a json, b jsonb, c json, d json)")]
async fn json_is_lent_as_it_stands(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "lent")]
    struct Raw<'a> {
        id: i32,
        a: &'a RawValue,
        b: &'a RawValue,
        c: Option<&'a RawValue>,
        d: RawJson<'a>,
    }
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let (spaced, plain) = (raw("{\"b\":  1, \"a\":\"\\\\é\"}"), raw("{\"a\": [1, null]}"));
    let rows = [
        Raw { id: 1, a: &spaced, b: &plain, c: Some(&plain), d: RawJson("[1,  2]") },
        Raw { id: 2, a: &plain, b: &plain, c: None, d: RawJson("null") },
    ];
    lent_back!(db, Raw, &rows);
    let first = some(&["{\"b\":  1, \"a\":\"\\\\é\"}", "{\"a\": [1, null]}", "{\"a\": [1, null]}", "[1,  2]"]);
    let mut second = some(&["{\"a\": [1, null]}", "{\"a\": [1, null]}", "", "null"]);
    second[2] = None;
    assert_eq!(texts(&db, "a b c d").await, [first, second]);
}

#[pgrepo::test(sql = "CREATE TABLE lent (id int4, a timestamptz, b oid, c timestamptz[], d oid[])")]
async fn instants_with_an_offset_and_oids(db: Db) {
    #[derive(Debug, Clone, PartialEq, PgTable)]
    #[pg(table = "lent")]
    struct Row {
        id: i32,
        a: DateTime<FixedOffset>,
        b: u32,
        c: Vec<Option<DateTime<FixedOffset>>>,
        d: Option<Vec<u32>>,
    }
    let at = DateTime::parse_from_rfc3339("2026-11-23T15:55:05.000001+02:00").unwrap();
    let rows = [
        Row { id: 1, a: at, b: u32::MAX, c: vec![Some(at), None], d: Some(vec![0, u32::MAX]) },
        Row { id: 2, a: at, b: 0, c: Vec::new(), d: None },
    ];
    let table = db.repository::<Row>();
    table.copy_in(&rows).await.unwrap();
    let printed = "2026-11-23 13:55:05.000001+00";
    let first = some(&[printed, "4294967295", &format!("{{\"{printed}\",NULL}}"), "{0,4294967295}"]);
    let second = vec![Some(printed.to_owned()), Some("0".to_owned()), Some("{}".to_owned()), None];
    assert_eq!(texts(&db, "a b c d").await, [first, second]);
    // The instant is the same, its offset is the server's: none.
    let mut copied = table.copy_out().await.unwrap();
    let mut selected = table.all().order_by(Row::ID.asc()).stream().await.unwrap();
    for row in rows {
        assert_eq!(copied.next().await.unwrap().as_ref(), Some(&row));
        let lent = selected.next().await.unwrap().unwrap();
        assert_eq!(lent, row);
        assert_eq!(lent.a.offset().local_minus_utc(), 0);
    }
}

/// A slice is written, and read as a `Vec` or lent as [`Items`].
#[pgrepo::test(sql = "CREATE TABLE lent (id int4, a text[], b bytea[], c int8[], d text[])")]
async fn slices_are_written_and_items_are_lent(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "lent", read_only)]
    struct Lent<'a> {
        id: i32,
        a: Items<'a, &'a str>,
        b: Vec<&'a [u8]>,
        c: [i64; 2],
        d: Vec<Option<Cow<'a, str>>>,
    }
    #[derive(Debug, PgTable)]
    #[pg(table = "lent")]
    struct Owned {
        id: i32,
        a: Vec<String>,
        b: Vec<Vec<u8>>,
        c: Vec<i64>,
        d: Vec<Option<String>>,
    }
    #[derive(Debug, PgInsert)]
    #[pg(of = Owned)]
    struct Written<'a> {
        id: i32,
        a: &'a [&'a str],
        b: &'a [&'a [u8]],
        c: &'a [i64],
        d: &'a [Option<String>],
    }
    let nulls = [None, Some("NULL".to_owned())];
    let rows = [
        Written { id: 1, a: &["x", "{\"y\"}"], b: &[b"\0", b""], c: &[1, -1], d: &nulls },
        Written { id: 2, a: &[], b: &[], c: &[i64::MIN, i64::MAX], d: &[] },
    ];
    assert_eq!(db.repository::<Owned>().copy_in(&rows).await.unwrap().rows, 2);
    let first = some(&["{x,\"{\\\"y\\\"}\"}", "{\"\\\\x00\",\"\\\\x\"}", "{1,-1}", "{NULL,\"NULL\"}"]);
    let second = some(&["{}", "{}", "{-9223372036854775808,9223372036854775807}", "{}"]);
    assert_eq!(texts(&db, "a b c d").await, [first, second]);

    let same = |lent: &Lent<'_>, sent: &Written<'_>| {
        assert_eq!(lent.id, sent.id);
        assert_eq!(lent.a.iter().collect::<Result<Vec<_>, _>>().unwrap(), sent.a);
        assert_eq!(lent.b, sent.b);
        assert_eq!(lent.c, sent.c);
        assert!(lent.d.iter().map(Option::as_deref).eq(sent.d.iter().map(Option::as_deref)));
    };
    let mut copied = db.repository::<Lent<'_>>().copy_out().await.unwrap();
    let mut selected = db.repository::<Lent<'_>>().all().order_by(Lent::ID.asc()).stream().await.unwrap();
    for row in &rows {
        same(&copied.next().await.unwrap().unwrap(), row);
        same(&selected.next().await.unwrap().unwrap(), row);
    }
}
