//! What SQL may leave in a session, and what it may not.

use pgrepo::{Db, ErrorKind};

#[pgrepo::test]
async fn what_lasts_as_long_as_a_transaction_works_in_one_and_is_refused_where_it_does_nothing(db: Db) {
    let error = db.execute_script("SET LOCAL work_mem = '1234kB'").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Query && error.to_string().contains("use one: begin"), "{error}");
    let error = db.query("SET TRANSACTION READ ONLY").execute().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Query && error.to_string().contains("use one: begin"), "{error}");

    // The server runs a script of several statements in one transaction.
    db.execute_script(
        "SET LOCAL work_mem = '1234kB'; CREATE TABLE seen AS SELECT current_setting('work_mem') AS setting",
    )
    .await
    .unwrap();
    assert_eq!(db.query("TABLE seen").fetch_one::<String>().await.unwrap(), "1234kB");
    let mut tx = db.begin().await.unwrap();
    tx.query("SET LOCAL work_mem = '1234kB'").execute().await.unwrap();
    assert_eq!(tx.query("SELECT current_setting('work_mem')").fetch_one::<String>().await.unwrap(), "1234kB");
    tx.commit().await.unwrap();
    assert_ne!(db.query("SELECT current_setting('work_mem')").fetch_one::<String>().await.unwrap(), "1234kB");
}

#[pgrepo::test]
async fn a_temporary_table_ends_with_its_transaction_or_is_refused(db: Db) {
    let mut tx = db.begin().await.unwrap();
    let error = tx.execute_script("CREATE TEMP TABLE t (a int)").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query, "{error}");
    tx.execute_script("CREATE TEMP TABLE t (a int) ON COMMIT DROP; INSERT INTO t VALUES (7)").await.unwrap();
    assert_eq!(tx.query("TABLE t").fetch_one::<i32>().await.unwrap(), 7);
    tx.commit().await.unwrap();
    let left: i64 = db.query("SELECT count(*) FROM pg_class WHERE relname = 't'").fetch_one().await.unwrap();
    assert_eq!(left, 0);
}

#[pgrepo::test]
async fn a_function_with_a_body_of_statements_is_made(db: Db) {
    // PostgreSQL 14 and later know such bodies.
    db.execute_script(
        "CREATE FUNCTION sign_of(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC\n\
         SELECT 1 AS case; SELECT CASE WHEN a < 0 THEN -1 ELSE 1 END; END; CREATE TABLE after (a int)",
    )
    .await
    .unwrap();
    assert_eq!(db.query("SELECT sign_of(-3)").fetch_one::<i32>().await.unwrap(), -1);
}

#[pgrepo::test]
async fn a_character_beyond_ascii_outside_of_quotes_is_left_to_the_server(db: Db) {
    let error = db.query("SELECT —").execute().await.unwrap_err();
    assert!(error.sqlstate().is_some_and(|code| code.as_str() == "42703"), "{error:?}");
}
