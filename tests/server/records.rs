use pgrepo::{Db, ErrorKind, Value};

const TABLE: &str = "CREATE TABLE users (id int8 GENERATED ALWAYS AS IDENTITY, name text NOT NULL, age int2, \
                     balance float8, profile jsonb, tags text[], born date, big int8 GENERATED ALWAYS AS (age * 2) STORED)";

fn row(name: &str, age: i32) -> [Value; 4] {
    [name.into(), age.into(), serde_json::json!({"a": [1, name]}).into(), vec!["x", "y"].into()]
}

const COLUMNS: [&str; 4] = ["name", "age", "profile", "tags"];

#[pgrepo::test]
async fn records_go_in_and_rows_come_out_without_a_struct(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let rows = (0..20_000).map(|i| row(&format!("u{i}"), i % 100));
    let report = db.copy_records("users", &COLUMNS, rows).await.unwrap();
    assert_eq!(report.rows, 20_000);
    let rows = db.query("SELECT * FROM users WHERE id = $1").bind(8_i64).fetch_rows().await.unwrap();
    let row = &rows[0];
    assert_eq!(row.get::<String>("name").unwrap(), "u7");
    assert_eq!(row.get::<&str>("name").unwrap(), "u7");
    assert_eq!(row.get::<Option<i16>>("age").unwrap(), Some(7));
    assert_eq!(row.get::<Value>("tags").unwrap(), vec!["x", "y"].into());
    let json = serde_json::json!({
        "id": 8, "name": "u7", "age": 7, "balance": null, "profile": {"a": [1, "u7"]}, "tags": ["x", "y"],
        "born": null, "big": 14
    });
    assert_eq!(row.to_json().unwrap(), json);
    let error = row.get::<i64>("age").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("int2") && error.to_string().contains("int8"), "{error}");
    assert_eq!(row.get::<i64>("nmae").unwrap_err().column(), Some("nmae"));
    assert!(row.get::<f64>("balance").unwrap_err().to_string().contains("float8"));
}

#[pgrepo::test]
async fn what_does_not_fit_is_named_and_nothing_is_stored(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let unknown = db.copy_records("users", &["name", "nmae"], [row("a", 1)]).await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.column()), (ErrorKind::Mismatch, Some("nmae")), "{unknown:?}");
    let table = db.copy_records("user's", &COLUMNS, [row("a", 1)]).await.unwrap_err();
    assert_eq!((table.table(), table.sqlstate().unwrap().as_str()), (Some("user's"), "42P01"), "{table:?}");
    assert_eq!(table.kind(), ErrorKind::Mismatch);
    for name in ["", "a\0b", &"x".repeat(64)] {
        let error = db.copy_records(name, &COLUMNS, [row("a", 1)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
    }
    let generated = db.copy_records("users", &["big"], [[Value::from(1)]]).await.unwrap_err();
    assert_eq!((generated.kind(), generated.column()), (ErrorKind::Mismatch, Some("big")));
    let range = (0..5).map(|i| row("a", if i == 3 { 40_000 } else { 1 }));
    let range = db.copy_records("users", &COLUMNS, range).await.unwrap_err();
    assert_eq!((range.kind(), range.row(), range.column()), (ErrorKind::Encode, Some(3), Some("age")), "{range:?}");
    let kind = db.copy_records("users", &["name"], [[Value::from(5)]]).await.unwrap_err();
    assert!(format!("{kind:?}").contains("int4 cannot be stored as text"), "{kind:?}");
    let short = db.copy_records("users", &["name", "age"], [vec![Value::from("a")]]).await.unwrap_err();
    assert_eq!(short.row(), Some(0), "{short:?}");
    let null = db.copy_records("users", &["age"], [[Value::from(5)], [Value::Null]]).await.unwrap_err();
    assert_eq!((null.row(), null.column()), (Some(0), Some("name")), "{null:?}");
    let twice = db.copy_records("users", &["age", "age"], [[Value::Null, Value::Null]]).await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Mismatch);
    assert_eq!(db.query("SELECT count(*) FROM users").fetch_one::<i64>().await.unwrap(), 0);
}

#[pgrepo::test]
async fn enums_and_domains_take_texts(db: Db) {
    db.execute_script(
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS text CHECK (length(value) < 5); \
         CREATE TABLE m (mood mood, moods mood[], short short)",
    )
    .await
    .unwrap();
    let row = [Value::from("ok"), vec!["sad", "ok"].into(), "abc".into()];
    db.copy_records("m", &["mood", "moods", "short"], [&row]).await.unwrap();
    let rows = db.query("SELECT * FROM m WHERE mood = $1").bind(Value::from("ok")).fetch_rows().await.unwrap();
    assert_eq!(rows[0].to_json().unwrap(), serde_json::json!({"mood": "ok", "moods": ["sad", "ok"], "short": "abc"}));
    let error = db.copy_records("m", &["mood"], [[Value::from("great")]]).await.unwrap_err();
    assert_eq!((error.row(), error.column()), (Some(0), Some("mood")), "{error:?}");
    let error = db.copy_records("m", &["short"], [[Value::from("too long")]]).await.unwrap_err();
    assert_eq!(error.constraint(), Some("short_check"), "{error:?}");
}

#[pgrepo::test]
async fn in_a_transaction_and_in_another_schema(db: Db) {
    db.execute_script("CREATE SCHEMA t42; CREATE TABLE t42.n (n int8)").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.copy_records(("t42", "n"), &["n"], [[Value::from(1)]]).await.unwrap();
    tx.copy_records(("t42", "n"), &["n"], [[Value::from("1")]]).await.unwrap_err();
    tx.copy_records(("t42", "n"), &["n"], [[Value::from(2)]]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.query("SELECT sum(n)::int8 FROM t42.n").fetch_one::<i64>().await.unwrap(), 3);
}
