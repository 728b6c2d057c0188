use pgrepo::{Db, ErrorKind, Row, Value};
use serde_json::json;

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
