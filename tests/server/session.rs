//! What SQL may leave in a session, and what it may not.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, ErrorKind};

use crate::support::pool;

/// What the session of whoever comes next is like: settings, locks, temporary tables, channels, a transaction.
const STATE: &str = "SELECT concat_ws(' ', pg_backend_pid(), current_setting('search_path'), current_user, \
    current_setting('default_transaction_read_only'), current_setting('statement_timeout'), \
    current_setting('lock_timeout'), current_setting('work_mem'), \
    (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'), \
    pg_my_temp_schema(), (SELECT count(*) FROM pg_listening_channels()), \
    (SELECT count(*) FROM pg_cursors WHERE is_holdable), now() = statement_timestamp())";

#[pgrepo::test]
async fn what_would_change_the_next_user_s_session_is_refused_and_changes_nothing(test: TestDatabase) {
    let ours = pool(&test.url(), "session", 1).await;
    let before: String = ours.query(STATE).fetch_val().await.unwrap();
    for sql in [
        "SET search_path = nowhere",
        "SET ROLE pg_monitor",
        "set session authorization pg_monitor",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "/* a comment */ SET statement_timeout = 1",
        "SELECT 1; SET lock_timeout = 1",
        "RESET ALL",
        "DISCARD ALL",
        "LISTEN channel",
        "CREATE TEMP TABLE leaked (a int)",
        "CREATE TEMPORARY TABLE leaked AS SELECT 1",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "PREPARE p AS SELECT 1",
        "BEGIN",
        "START TRANSACTION READ ONLY",
        "LOAD 'plpgsql'",
        "SELECT set_config('work_mem', '1234kB', false)",
    ] {
        let error = ours.execute_script(sql).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Query && error.sqlstate().is_none(), "{sql}: {error:?}");
        let error = ours.query(sql).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Query, "{sql}: {error:?}");
        let mut tx = ours.begin().await.unwrap();
        let error = tx.execute_script(sql).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Query && error.sqlstate().is_none(), "{sql}: {error:?}");
        tx.commit().await.unwrap();
    }
    assert_eq!(ours.query(STATE).fetch_val::<String>().await.unwrap(), before);
}

#[pgrepo::test]
async fn what_lasts_for_a_transaction_is_gone_after_it(test: TestDatabase) {
    let ours = pool(&test.url(), "session", 1).await;
    let before: String = ours.query(STATE).fetch_val().await.unwrap();
    for commit in [true, false] {
        let mut tx = ours.begin().await.unwrap();
        tx.execute_script(
            "SET LOCAL search_path = nowhere; SET LOCAL statement_timeout = '1min'; SET TRANSACTION READ ONLY; \
             SET LOCAL ROLE pg_monitor; SELECT pg_advisory_xact_lock(7), set_config('work_mem', '1234kB', true)",
        )
        .await
        .unwrap();
        if commit {
            tx.commit().await.unwrap();
        } else {
            tx.rollback().await.unwrap();
        }
        assert_eq!(ours.query(STATE).fetch_val::<String>().await.unwrap(), before);
    }
}

#[pgrepo::test]
async fn what_functions_do_to_a_session_is_not_seen_and_the_raw_connection_is_for_that(test: TestDatabase) {
    let ours = pool(&test.url(), "session", 1).await;
    let before: String = ours.query(STATE).fetch_val().await.unwrap();
    ours.execute_script(
        "CREATE FUNCTION sets() RETURNS text LANGUAGE sql AS $$ SELECT set_config('work_mem', '1234kB', false) $$",
    )
    .await
    .unwrap();
    let functions = "SELECT sets(), pg_advisory_lock(7)::text";
    let mut raw = ours.raw().await.unwrap();
    sqlx::raw_sql(functions).execute(&mut *raw).await.unwrap();
    sqlx::raw_sql("LISTEN channel; CREATE TEMP TABLE leaked (a int); BEGIN READ ONLY")
        .execute(&mut *raw)
        .await
        .unwrap();
    drop(raw);
    let (_, left) = before.split_once(' ').unwrap();
    let after: String = ours.query(STATE).fetch_val().await.unwrap();
    assert_eq!(after.split_once(' ').unwrap().1, left, "a new session");
    // The limit, as it is documented: on the pool they stay for whoever comes next.
    ours.query(functions).fetch_rows().await.unwrap();
    let after: String = ours.query(STATE).fetch_val().await.unwrap();
    assert!(after.contains("1234kB") && after != before, "{after}");
}

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
async fn a_function_with_a_body_of_statements_is_made(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    let made = db
        .execute_script(
            "CREATE FUNCTION sign_of(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC\n\
             SELECT 1 AS case; SELECT CASE WHEN a < 0 THEN -1 ELSE 1 END; END; CREATE TABLE after (a int)",
        )
        .await;
    if test.server().major() < 14 {
        // It is the server that knows no such body, and not the look at the script's words.
        assert_eq!(made.unwrap_err().sqlstate().unwrap().as_str(), "42601");
        return;
    }
    made.unwrap();
    assert_eq!(db.query("SELECT sign_of(-3)").fetch_one::<i32>().await.unwrap(), -1);
}

#[pgrepo::test]
async fn a_character_beyond_ascii_outside_of_quotes_is_left_to_the_server(db: Db) {
    let error = db.query("SELECT —").execute().await.unwrap_err();
    assert!(error.sqlstate().is_some_and(|code| code.as_str() == "42703"), "{error:?}");
}
