use std::panic::{AssertUnwindSafe, catch_unwind};

use pgrepo::testkit::{FromTestDatabase, Server, TestDatabase, TestSetup, TestkitError, run_test};
use sqlx::PgConnection;

use crate::support::{connect, one, test_databases};

#[pgrepo::test(sql = "CREATE TABLE t (id int); INSERT INTO t VALUES (7)")]
async fn the_script_has_run(db: TestDatabase) {
    let mut connection = connect(&db.url()).await;
    assert_eq!(one::<i32>(&mut connection, "SELECT id FROM t").await, 7);
    let mut connection = connect(&db.tcp_url()).await;
    assert_eq!(one::<String>(&mut connection, "SELECT current_database()::text").await, db.name());
}

#[pgrepo::test(setup = "testkit/schema.sql")]
async fn the_file_has_run(mut db: Connected) -> Result<(), sqlx::Error> {
    let id: i32 = sqlx::query_scalar("SELECT id FROM from_file").fetch_one(&mut db.0).await?;
    assert_eq!(id, 8);
    Ok(())
}

#[pgrepo::test]
#[should_panic(expected = "errorMissingColumn")]
async fn an_error_fails_the_test(db: TestDatabase) {
    let mut connection = connect(&db.url()).await;
    sqlx::raw_sql("SELECT no_such_column").execute(&mut connection).await.expect("no error");
}

#[pgrepo::test(flavor = "multi_thread")]
async fn threads_run_beside_each_other(_: TestDatabase) {
    let (sender, receiver) = std::sync::mpsc::channel();
    tokio::spawn(async move { sender.send(()) });
    // Blocks this thread, so the task above needs another one.
    receiver.recv_timeout(std::time::Duration::from_secs(10)).expect("another thread");
}

#[test]
fn a_result_is_handed_on() {
    let result = run_test(TestSetup::default(), async |_: TestDatabase| -> Result<(), &str> { Err("no") });
    assert_eq!(result, Err("no"));
}

#[test]
fn the_database_goes_also_after_a_panic() {
    let mut name = String::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        run_test(TestSetup::default(), async |db: TestDatabase| {
            name = db.name().to_owned();
            panic!("on purpose");
        })
    }));
    assert!(outcome.is_err());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let left = runtime.block_on(async { test_databases(&Server::shared().await.expect("a server")).await });
    assert!(!name.is_empty() && !left.contains(&name), "{name} in {left:?}");
}

#[test]
fn a_script_that_fails_is_named() {
    let setup = TestSetup { script: "CREATE TABLE t (id no_such_type)", ..TestSetup::default() };
    let panic = catch_unwind(AssertUnwindSafe(|| run_test(setup, async |_: TestDatabase| ()))).expect_err("no set-up");
    let said = panic.downcast::<String>().expect("a message");
    assert!(said.contains("set-up script"), "{said}");
    assert!(said.contains("type \"no_such_type\" does not exist"), "{said}");
}

/// A user's own argument type.
struct Connected(PgConnection);

impl FromTestDatabase for Connected {
    type Error = TestkitError;

    async fn from_test_database(database: TestDatabase) -> Result<Self, TestkitError> {
        Ok(Self(connect(&database.url()).await))
    }
}

#[test]
fn mistakes_are_underlined() {
    trybuild::TestCases::new().compile_fail("testkit/ui/*.rs");
}
