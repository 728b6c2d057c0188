//! What the DDL of a difference does to values, indexes and types.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, PgEnum, PgTable};

use super::altered::{Person, database};
use super::only;

/// A change of a type keeps the values, or says that it may not.
#[pgrepo::test]
async fn ddl_that_may_change_values_says_so_and_is_commented_out(test: TestDatabase) {
    let db = database(&test).await;
    let mut wrong = Vec::new();
    for (column, ty, keeps) in [
        ("age", "int8", true),
        ("age", "int2", true),
        ("age", "text", true),
        ("age", "numeric", false),
        ("age", "float8", false),
        ("rank", "float4", false),
        ("note", "int4", true),
        ("mood", "text", true),
        ("code", "int4", false),
        ("extra", "json", false),
    ] {
        let mut tx = db.begin().await.unwrap();
        // What stands in the way of the change, and is of no interest here.
        tx.execute_script("ALTER TABLE people DROP COLUMN double").await.unwrap();
        let alter = format!("ALTER TABLE people ALTER {column} TYPE {ty} USING NULL");
        tx.execute_script(&format!("ALTER TABLE people ALTER {column} DROP NOT NULL; {alter}")).await.unwrap();
        let contract = tx.verify::<Person>().await.unwrap();
        let found = contract.differences().iter().find(|one| one.column.as_deref() == Some(column)).unwrap();
        let ddl = found.ddl().unwrap();
        let commented = contract.ddl().contains(&format!("-- {}", ddl.lines().next().unwrap()));
        if (found.loses_values(), commented) != (!keeps, !keeps) {
            wrong.push(format!("{column} of {ty}: {found}"));
        }
        tx.rollback().await.unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An index has the declared name, and is of something else.
#[pgrepo::test]
async fn an_index_of_the_name_that_is_of_something_else_is_none(test: TestDatabase) {
    let db = database(&test).await;
    let name: String = db
        .query("SELECT indexname FROM pg_indexes WHERE tablename = 'people' AND indexdef LIKE '%city%'")
        .fetch_val()
        .await
        .unwrap();
    db.execute_script(&format!("DROP INDEX \"{name}\"; CREATE INDEX \"{name}\" ON people (nick)")).await.unwrap();
    let contract = db.verify::<Person>().await.unwrap();
    assert_eq!(only(&contract).kind.code(), "index-missing");
    db.execute_script(&contract.ddl()).await.unwrap();
    assert!(db.verify::<Person>().await.unwrap().differences().is_empty());
}

#[derive(Debug, PgEnum)]
#[pg(name = "shade", schema = "made for it", rename_all = "lowercase")]
#[allow(dead_code, reason = "it is a column's type only")]
enum Shade {
    Dark,
    Light,
}

#[derive(Debug, PgTable)]
#[pg(table = "lamp")]
#[allow(dead_code, reason = "as above")]
struct Lamp {
    #[pg(primary_key)]
    id: i64,
    shade: Option<Shade>,
}

/// A column whose type is of a schema that is not there.
#[pgrepo::test]
async fn a_column_of_a_new_type_in_a_new_schema_is_added(db: Db) {
    for before in ["CREATE TABLE lamp (id int8 PRIMARY KEY)", "CREATE TABLE lamp (id int8 PRIMARY KEY, shade text)"] {
        let mut tx = db.begin().await.unwrap();
        tx.execute_script(before).await.unwrap();
        let contract = tx.verify::<Lamp>().await.unwrap();
        tx.execute_script(&contract.ddl()).await.unwrap();
        let contract = tx.verify::<Lamp>().await.unwrap();
        assert!(contract.differences().is_empty(), "{contract}");
        tx.rollback().await.unwrap();
    }
}
