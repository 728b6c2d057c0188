//! Tables as they were, in a file: compared without a server.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, ErrorKind, PgEnum, PgTable, Snapshot, create_table_sql};

use super::codes;

#[derive(Debug, PgEnum)]
#[pg(name = "size", rename_all = "lowercase", schema = "app")]
enum Size {
    Small,
    Large,
}

#[derive(Debug, PgTable)]
#[pg(table = "boxes", schema = "app", unique = "label")]
struct Box1 {
    #[pg(primary_key, identity)]
    id: i64,
    label: Option<String>,
    sizes: Vec<Size>,
}

/// What the program became.
mod later {
    use super::*;

    #[derive(Debug, PgEnum)]
    #[pg(name = "size", rename_all = "lowercase", schema = "app")]
    enum Size {
        Small,
        Medium,
        Large,
    }

    #[derive(Debug, PgTable)]
    #[pg(table = "boxes", schema = "app", unique = "label")]
    pub(super) struct Box1 {
        #[pg(primary_key, identity)]
        id: i64,
        label: String,
        sizes: Vec<Size>,
        weight: f64,
    }
}

#[pgrepo::test]
async fn a_snapshot_stands_for_the_database(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    let mut snapshot = Snapshot::default();
    let error = snapshot.add::<Box1>(&db).await.unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Mismatch, Some("app.boxes")));
    db.execute_script(&create_table_sql::<Box1>()).await.unwrap();
    snapshot.add::<Box1>(&db).await.unwrap();
    let text = snapshot.to_json().unwrap();
    let read = Snapshot::from_json(&text).unwrap();
    assert_eq!(read, snapshot);

    assert!(read.verify::<Box1>().differences().is_empty(), "{}", read.verify::<Box1>());
    let (there, here) = (db.verify::<later::Box1>().await.unwrap(), read.verify::<later::Box1>());
    assert_eq!(codes(&here), ["nullable", "column-missing", "label-missing"]);
    assert_eq!(here, there);

    // Another database with the same schema gives the same text, whatever was made before.
    db.execute_script(&format!("DROP SCHEMA app CASCADE; {}", create_table_sql::<Box1>())).await.unwrap();
    let mut again = Snapshot::default();
    again.add::<Box1>(&db).await.unwrap();
    assert_eq!(again.to_json().unwrap(), text);
}

#[test]
fn a_file_that_is_no_snapshot_is_an_error() {
    for text in ["", "{}", r#"{"format": 2, "tables": {}}"#, r#"{"format": 1, "tables": {"a": {}}}"#] {
        assert_eq!(Snapshot::from_json(text).unwrap_err().kind(), ErrorKind::Decode, "{text}");
    }
    // Types that rest on each other.
    let circle = r#"{"format": 1, "tables": {"\"app\".\"boxes\"": {"schema": "app", "name": "boxes", "kind": "r",
        "columns": [{"name": "sizes", "type": "t", "nullable": true}], "constraints": [], "indexes": [],
        "types": {"t": {"schema": "app", "name": "t", "base": "t"}}}}}"#;
    let contract = Snapshot::from_json(circle).unwrap().verify::<Box1>();
    assert!(codes(&contract).contains(&"type"), "{contract}");
}
