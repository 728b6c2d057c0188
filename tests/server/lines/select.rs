//! COPY out of conditions and of statements, into types.

use futures_util::TryStreamExt;
use pgrepo::{CopyFormat, Db, ErrorKind, PgRecord, PgTable};

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "things")]
struct Thing {
    #[pg(primary_key)]
    id: i64,
    name: String,
    size: Option<f64>,
}

#[derive(Debug, PartialEq, PgRecord)]
#[pg(of = Thing)]
struct Brief {
    name: String,
    id: i64,
}

const THINGS: &str = "CREATE TABLE things (id int8 PRIMARY KEY, name text NOT NULL, size float8)";

async fn filled(db: &Db) -> Vec<Thing> {
    db.execute_script(THINGS).await.unwrap();
    let things: Vec<Thing> =
        (0..1000).map(|id| Thing { id, name: format!("n{}", id % 10), size: (id % 3 == 0).then_some(0.1) }).collect();
    db.repository::<Thing>().copy_in(&things).await.unwrap();
    things
}

#[pgrepo::test]
async fn a_condition_its_order_and_limit_give_what_they_fetch(db: Db) {
    let things = filled(&db).await;
    let of = || db.repository::<Thing>();
    let some =
        || of().find(Thing::NAME.eq("n3").and(Thing::SIZE.eq(0.1))).order_by(Thing::ID.desc()).limit(10).offset(3);
    let copied: Vec<Thing> = some().copy_out().await.unwrap().try_collect().await.unwrap();
    assert_eq!(copied, some().fetch_all().await.unwrap());
    assert_eq!(copied.len(), 10);
    let lists = || of().find(Thing::ID.in_([5, 7, 9])).order_by(Thing::ID.asc());
    assert_eq!(lists().copy_out().await.unwrap().try_collect::<Vec<_>>().await.unwrap().len(), 3);
    let all: Vec<Thing> = of().all().order_by(Thing::ID.asc()).copy_out().await.unwrap().try_collect().await.unwrap();
    assert_eq!(all, things);
    let none: Vec<Thing> = of().find(Thing::ID.lt(0)).copy_out().await.unwrap().try_collect().await.unwrap();
    assert_eq!(none, []);
    let brief: Vec<Brief> = lists().select::<Brief>().copy_out().await.unwrap().try_collect().await.unwrap();
    assert_eq!(brief[0], Brief { name: "n5".into(), id: 5 });
    let names = of().all().values(Thing::NAME).distinct();
    let names: Vec<String> = names.copy_out().await.unwrap().try_collect().await.unwrap();
    assert_eq!(names.len(), 10);
}

#[pgrepo::test]
async fn a_statement_s_columns_are_found_by_name_or_place(db: Db) {
    filled(&db).await;
    let sql = "SELECT size, 'x' AS other, name, id FROM things WHERE id = $1 -- the last line";
    let mut found = db.query(sql).bind(9_i64).copy_out::<Thing>().await.unwrap();
    assert_eq!(found.next().await.unwrap(), Some(Thing { id: 9, name: "n9".into(), size: Some(0.1) }));
    assert_eq!(found.next().await.unwrap(), None);
    let sql = "WITH t AS (SELECT $2::text AS a, $1::int8 AS b) SELECT b, a FROM t;";
    let rows: Vec<(i64, String)> =
        db.query(sql).bind(1_i64).bind("two").copy_out::<(i64, String)>().await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows, [(1, "two".to_owned())]);
    let rows: Vec<i32> = db.query("VALUES (1), (2)").copy_out::<i32>().await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows, [1, 2]);
    let mut lent = db.query("SELECT name FROM things ORDER BY id").copy_out::<&str>().await.unwrap();
    assert_eq!(lent.next().await.unwrap(), Some("n0"));
}

#[pgrepo::test]
async fn what_does_not_fit_is_refused_and_the_connection_is_kept(db: Db) {
    filled(&db).await;
    let kind = |sql: &'static str| {
        let db = &db;
        async move { db.query(sql).copy_out::<Thing>().await.map(drop).unwrap_err().kind() }
    };
    assert_eq!(kind("SELECT id, name FROM things").await, ErrorKind::Mismatch, "a column is missing");
    assert_eq!(kind("SELECT id, name, size::text FROM things").await, ErrorKind::Mismatch, "another type");
    assert_eq!(kind("SELECT id, id, name, size FROM things").await, ErrorKind::Mismatch, "twice");
    assert_eq!(kind("SELECT nothing FROM things").await, ErrorKind::Query);
    assert_eq!(kind("SELECT id, name, size FROM things WHERE id = $1").await, ErrorKind::Mismatch, "no value");
    assert_eq!(kind("SELECT 1) TO STDOUT; DROP TABLE things; --").await, ErrorKind::Query);
    assert_eq!(kind("SELECT 1; DROP TABLE things").await, ErrorKind::Query);
    assert_eq!(kind("COPY things TO STDOUT").await, ErrorKind::Query);
    let wrong = db.query("SELECT $1::int8").bind("text").copy_out::<i64>().await.map(drop).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Mismatch, "{wrong:?}");
    let ids = (0..801).map(|id| Thing::ID.eq(id)).reduce(|all, one| all.or(one)).unwrap();
    let many = db.repository::<Thing>().find(ids).copy_out().await.map(drop).unwrap_err();
    assert!(many.to_string().contains("800 values"), "{many:?}");
    let raw = db.query("SELECT nothing").copy_out_raw(&CopyFormat::csv(), &mut Vec::new()).await.unwrap_err();
    assert_eq!(raw.kind(), ErrorKind::Query, "{raw:?}");
    assert_eq!(db.repository::<Thing>().all().count().await.unwrap(), 1000);
}

#[pgrepo::test]
async fn a_statement_that_writes_is_refused(db: Db) {
    filled(&db).await;
    db.execute_script("CREATE SEQUENCE s; CREATE FUNCTION put() RETURNS int8 LANGUAGE sql AS $$ INSERT INTO things VALUES (-1, 'x') RETURNING id $$")
        .await
        .unwrap();
    for sql in [
        "INSERT INTO things VALUES (-1, 'x') RETURNING id",
        "WITH x AS (DELETE FROM things RETURNING id) SELECT id FROM x",
        "SELECT nextval('s')",
        "SELECT put()",
    ] {
        let error = match db.query(sql).copy_out::<i64>().await {
            Ok(mut rows) => rows.next().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(error.server().is_some(), "{sql}: {error:?}");
    }
    assert_eq!(db.repository::<Thing>().all().count().await.unwrap(), 1000);
}

#[pgrepo::test]
async fn a_statement_prepared_before_its_table_changed_is_not_believed(db: Db) {
    filled(&db).await;
    let mut tx = db.begin().await.unwrap();
    let ids = "SELECT id FROM things WHERE id < 3 ORDER BY id";
    let before: Vec<i64> = tx.query(ids).copy_out::<i64>().await.unwrap().try_collect().await.unwrap();
    assert_eq!(before, [0, 1, 2]);
    // Of the same width: read as what it was it would be another number.
    tx.query("ALTER TABLE things ALTER id TYPE float8").execute().await.unwrap();
    let error = tx.query(ids).copy_out::<i64>().await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
    let after: Vec<f64> = tx.query(ids).copy_out::<f64>().await.unwrap().try_collect().await.unwrap();
    assert_eq!(after, [0.0, 1.0, 2.0]);
    let error = tx.repository::<Thing>().all().copy_out().await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Mismatch, Some("id")), "{error:?}");
}

#[pgrepo::test]
async fn in_a_transaction_its_own_rows_are_seen_and_a_refusal_spoils_nothing(db: Db) {
    filled(&db).await;
    let mut tx = db.begin().await.unwrap();
    tx.repository::<Thing>().insert(Thing { id: 5000, name: "new".into(), size: None }).await.unwrap();
    let found = tx.repository::<Thing>().find(Thing::NAME.eq("new"));
    let found: Vec<Thing> = found.copy_out().await.unwrap().try_collect().await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(tx.query("SELECT nothing").copy_out::<i64>().await.is_err());
    let locked = tx.repository::<Thing>().find(Thing::ID.eq(1)).for_update();
    assert_eq!(locked.copy_out().await.unwrap().try_collect::<Vec<_>>().await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    assert_eq!(db.repository::<Thing>().all().count().await.unwrap(), 1001);
}

#[pgrepo::test]
async fn in_another_schema_its_table_is_read(db: Db) {
    db.execute_script(&format!(
        "{THINGS}; CREATE SCHEMA \"o'd\"\"d\"; CREATE TABLE \"o'd\"\"d\".things AS SELECT 7::int8 AS id, 'x' AS name, 1::float8 AS size"
    ))
    .await
    .unwrap();
    let there = db.repository::<Thing>().in_schema("o'd\"d");
    let rows: Vec<Thing> = there.find(Thing::NAME.eq("x")).copy_out().await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows.len(), 1);
}
