use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, ErrorKind, Row, Value};
use serde_json::json;

use crate::support::{Direct, Rng, pool};

const TABLE: &str = "CREATE DOMAIN doc AS jsonb; CREATE TABLE \"pro\"\"files\" (id int8 GENERATED ALWAYS AS IDENTITY, \
                     data jsonb, plain json, d doc, created_by text, twice int8 GENERATED ALWAYS AS (2) STORED)";
const NAME: &str = "pro\"files";

fn ids(rows: Vec<Row>) -> Vec<i64> {
    rows.iter().map(|r| r.get("id").unwrap()).collect()
}

#[pgrepo::test]
async fn documents_go_in_and_are_found(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let ann =
        json!({"name": "Ann", "profile": {"age": 28, "skills": ["Python", "Rust"], "location": {"city": "SF'\"$1"}}});
    let by = || [("created_by", Value::from("system"))];
    assert_eq!(db.insert_json(NAME, "data", &ann, by()).await.unwrap(), 1);
    for column in ["plain", "d"] {
        db.insert_json(NAME, column, &ann, []).await.unwrap();
    }
    let mut tx = db.begin().await.unwrap();
    tx.insert_json(NAME, "data", "text", by()).await.unwrap();
    assert_eq!(ids(tx.query_json(NAME, "data", "$", "text").await.unwrap()), [4]);
    tx.rollback().await.unwrap();

    for (column, id) in [("data", 1), ("plain", 2), ("d", 3)] {
        for path in [
            "$.profile.location.city",
            "strict $.profile.location.city",
            "$.**.city",
            "$.profile.* ? (@.city == $value)",
        ] {
            assert_eq!(ids(db.query_json(NAME, column, path, "SF'\"$1").await.unwrap()), [id], "{column} {path}");
            assert_eq!(ids(db.query_json(NAME, column, path, "SF").await.unwrap()), [0; 0], "{column} {path}");
        }
    }
    assert_eq!(ids(db.query_json(NAME, "data", "$.profile.skills[*]", "Rust").await.unwrap()), [1]);
    assert_eq!(ids(db.query_json(NAME, "data", "$.profile ? (@.age >= $value)", 29).await.unwrap()), [0; 0]);
    let sql = "SELECT id FROM \"pro\"\"files\" WHERE data->'profile'->'skills' ? $1 AND data #>> '{profile,age}' = $2 \
               AND data->'profile'->'skills' ?| $3 AND data ?& $4";
    let both = vec!["Rust", "Go"];
    let found =
        db.query(sql).bind("Python").bind("28").bind(both).bind(vec!["name", "profile"]).fetch_all::<i64>().await;
    assert_eq!(found.unwrap(), [1]);
}

#[pgrepo::test]
async fn what_is_not_there_is_refused_by_the_catalog(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let hostile = ["x; DROP TABLE t", "a\" OR true --", "", "data\0", "profiles"];
    for name in hostile {
        let error = db.query_json(name, "data", "$.a", 1).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.sqlstate().is_none(), error.table()),
            (ErrorKind::Mismatch, true, Some(name)),
            "{error:?}"
        );
        let error = db.insert_json(NAME, name, &1, []).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.sqlstate().is_none(), error.column()),
            (ErrorKind::Mismatch, true, Some(name)),
            "{error:?}"
        );
        let error = db.insert_json(NAME, "data", &1, [(name, Value::Null)]).await.unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some(name)), "{error:?}");
    }
    for (column, words) in [("created_by", "the column is text"), ("twice", "bigint")] {
        let error = db.insert_json(NAME, column, &1, []).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error:?}");
    }
    for column in ["data", "twice"] {
        let error = db.insert_json(NAME, "data", &1, [(column, Value::Null)]).await.unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some(column)), "{error:?}");
    }
    let error = db.query_json(NAME, "data", "$.a-b", 1).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Query, Some("query_json")), "{error:?}");
}

#[pgrepo::test]
async fn operators_of_jsonb_pass_through_sql_as_they_are_written(db: Db) {
    db.execute_script("CREATE TABLE t (d jsonb); INSERT INTO t VALUES ('{\"a\": {\"b\": [1, \"x\"]}, \"c\": null}')")
        .await
        .unwrap();
    for condition in [
        "d ? 'a' AND NOT d ? 'b'",
        "d ?| array['z', 'c'] AND d ?& array['a', 'c']",
        "d -> 'a' -> 'b' ->> 1 = 'x' AND d #>> '{a,b,0}' = '1' AND d #> '{a,b}' ? 'x'",
        "d @? '$.a.b[*] ? (@ == 1)' AND d @@ '$.a.b[0] == 1'",
        "d @> '{\"a\": {}}' AND '{}' <@ d AND (d || '{\"e\": 1}') ? 'e' AND NOT (d - 'a') ? 'a' AND (d #- '{a,b}') @> '{\"a\": {}}'",
        "d ? $1 /* ? $2 */ AND d -> 'a' ? $2 -- ?",
    ] {
        let sql = format!("SELECT count(*) FROM t WHERE {condition}");
        let query = db.query(&sql);
        let query = if condition.contains("$1") { query.bind("c").bind("b") } else { query };
        assert_eq!(query.fetch_one::<i64>().await.unwrap(), 1, "{condition}");
    }
}

#[pgrepo::test]
async fn a_path_of_keys_is_containment_and_any_other_is_not(db: Db) {
    db.execute_script("CREATE TABLE t (id int8, d jsonb); INSERT INTO t VALUES (1, '{\"a\": [1]}'), (2, '{\"a\": 1}')")
        .await
        .unwrap();
    let found = async |path: &str, value: serde_json::Value| ids(db.query_json("t", "d", path, value).await.unwrap());
    // `jsonb_path_exists` would look into the array, containment looks for less than the whole one.
    assert_eq!(found("$.a", json!(1)).await, [2]);
    assert_eq!(found("$.a", json!([])).await, [1]);
    assert_eq!(found("lax $.a", json!(1)).await, [1, 2]);
    assert_eq!(found("strict $.a", json!(1)).await, [2]);
    assert_eq!(found("$.a[*]", json!(1)).await, [1, 2]);
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = db.query_json("t", "d", "$.a", odd).await.unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Encode, Some("d")), "{error:?}");
        assert!(error.to_string().contains(&format!("JSON has no number {odd}")), "{error}");
    }
    assert_eq!(ids(db.query_json("t", "d", "$.a", None::<i32>).await.unwrap()), [0; 0]);
    assert_eq!(ids(db.query_json("t", "d", "$.a", ()).await.unwrap()), [0; 0]);
}

#[pgrepo::test]
async fn a_name_that_the_catalog_refuses_is_in_no_statement(db: TestDatabase) {
    let name = "untyped-names";
    let (pool, mut direct) = (pool(&db.url(), name, 1).await, Direct::to(&db).await);
    direct.run("CREATE TABLE known (d jsonb)").await;
    let said = format!("SELECT string_agg(query, '; ') FROM pg_stat_activity WHERE application_name LIKE '{name}%'");
    pool.query_json("known", "d", "$.a", 1).await.unwrap();
    let last: String = direct.one(&said).await;
    assert!(last.contains("FROM \"known\" WHERE \"d\" @>"), "{last}");
    pool.query_json("evil_table", "d", "$.a", 1).await.unwrap_err();
    let last: String = direct.one(&said).await;
    assert!(last.contains("pg_attribute") && !last.contains("evil_table"), "{last}");
    pool.query_json("known", "evil_column", "$.a", 1).await.unwrap_err();
    pool.insert_json("known", "evil_column", &1, []).await.unwrap_err();
    pool.insert_json("known", "d", &1, [("evil_column", Value::Null)]).await.unwrap_err();
    let last: String = direct.one(&said).await;
    assert!(last.contains("pg_attribute") && !last.contains("evil_column"), "{last}");
}

const PARTS: [&str; 20] = [
    "\"", "'", "\\", ";", "--", "/*", "*/", "$1", "$$", " ", ".", "%I", "E'", "\n", "\t", "é", "🦀", "select", "A", "?",
];

fn hostile(rng: &mut Rng) -> String {
    let text: String = (0..=rng.below(5)).map(|_| PARTS[rng.below(PARTS.len())]).collect();
    format!("{text}{}", rng.next() % 1_000_000)
}

#[pgrepo::test]
async fn hostile_names_keys_and_paths_are_only_themselves(db: Db) {
    let mut rng = Rng(0xbad);
    for _ in 0..100 {
        let (table, column, other) = (hostile(&mut rng), hostile(&mut rng), hostile(&mut rng));
        let quoted = db.query("SELECT ARRAY[quote_ident($1), quote_ident($2), quote_ident($3)]");
        let quoted: Vec<String> = quoted.bind(&table).bind(&column).bind(&other).fetch_one().await.unwrap();
        let [t, c, o] = quoted.as_slice() else { unreachable!() };
        db.query(format!("CREATE TABLE {t} (id int8 GENERATED ALWAYS AS IDENTITY, {c} jsonb, {o} text)"))
            .execute()
            .await
            .unwrap();
        let keys: Vec<String> = (0..=rng.below(3)).map(|_| hostile(&mut rng)).collect();
        let value = hostile(&mut rng);
        let document = keys.iter().rev().fold(json!(&value), |inner, key| json!({ key: inner }));
        let others = [(&*other, Value::from(value.clone()))];
        assert_eq!(db.insert_json(&*table, &column, &document, others).await.unwrap(), 1);
        db.insert_json(&*table, &column, &json!({"a": value}), []).await.unwrap();
        let path = keys.iter().fold("$".to_owned(), |path, key| format!("{path}.{}", json!(key)));
        for path in [path.clone(), format!("lax {path}"), format!("{path} ? (@ == $value)")] {
            let rows = db.query_json(&*table, &column, &path, &value).await.unwrap();
            assert_eq!(rows.iter().map(|r| r.get::<String>(&other).unwrap()).collect::<Vec<_>>(), [&*value], "{path}");
        }
        assert_eq!(ids(db.query_json(&*table, &column, &path, "another").await.unwrap()), [0; 0]);
        let error = db.query_json(&*table, &hostile(&mut rng), "$", 1).await.unwrap_err();
        assert_eq!((error.kind(), error.sqlstate().is_none()), (ErrorKind::Mismatch, true), "{error:?}");
    }

    db.execute_script("CREATE TABLE t (d jsonb); INSERT INTO t VALUES ('{\"a\": [1, {\"b\": null}]}')").await.unwrap();
    let more =
        ["$", ".a", "[*]", "[0]", "? (@ == $value)", "(", ")", "@", "**", "lax ", ".size()", "\"b\"", "{1 to 2}"];
    let (mut run, mut refused) = (0, 0);
    for _ in 0..2_000 {
        let part = |rng: &mut Rng| {
            if rng.below(3) == 0 { PARTS[rng.below(PARTS.len())] } else { more[rng.below(more.len())] }
        };
        let path: String = std::iter::once("$").chain((0..rng.below(6)).map(|_| part(&mut rng))).collect();
        match db.query_json("t", "d", &path, 1).await {
            Ok(_) => run += 1,
            Err(error) => {
                assert_eq!((error.kind(), error.table()), (ErrorKind::Query, Some("t")), "{path}: {error:?}");
                refused += 1;
            }
        }
    }
    assert!(run > 200 && refused > 200, "{run} {refused}");
    assert_eq!(db.query("SELECT count(*) FROM t").fetch_one::<i64>().await.unwrap(), 1);
}
