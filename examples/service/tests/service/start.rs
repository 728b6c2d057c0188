//! What keeps the service from starting is said in one line.

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use pgrepo::Db;
use pgrepo::testkit::TestDatabase;
use pgrepo_service::run_migrations;

use super::support::{LONG, Process, program};

fn fails(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut program = program(variables);
    let mut child = program.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > LONG {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!status.success(), "{said}");
    let last = said.lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("error: "), "{said}");
    last
}

#[pgrepo::test]
async fn a_port_in_use_is_told(database: TestDatabase) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = fails(&[("DATABASE_URL", &database.url()), ("SERVICE_LISTEN", &address)], &[]);
    let expected = format!("error: cannot listen on {address}: the port is in use; set SERVICE_LISTEN to another one");
    assert!(said.starts_with(&expected), "{said}");
}

#[pgrepo::test]
async fn a_migration_that_is_not_as_it_was_is_told(database: TestDatabase) {
    let db = Db::from_url(&database.url()).await.unwrap();
    run_migrations(&db).await.unwrap();
    let url = database.url();
    let start = |migrate: &str| {
        fails(&[("DATABASE_URL", &url), ("SERVICE_LISTEN", "127.0.0.1:0"), ("SERVICE_MIGRATE", migrate)], &[])
    };

    db.query("INSERT INTO _sqlx_migrations SELECT 3, 'later', now(), true, 'x', 0").execute().await.unwrap();
    for migrate in ["yes", "no"] {
        let said = start(migrate);
        assert!(said.contains("the database has migration 3, which this program does not know"), "{said}");
    }
    db.query("DELETE FROM _sqlx_migrations WHERE version = 3").execute().await.unwrap();

    db.query("UPDATE _sqlx_migrations SET checksum = 'x' WHERE version = 2").execute().await.unwrap();
    for migrate in ["yes", "no"] {
        let said = start(migrate);
        assert!(said.contains("migration 2 was applied in another form"), "{said}");
    }
    let said = fails(&[("DATABASE_URL", &url)], &["migrate"]);
    assert!(said.contains("migration 2 was applied in another form"), "{said}");

    db.query("UPDATE _sqlx_migrations SET success = false WHERE version = 2").execute().await.unwrap();
    assert!(start("yes").contains("migration 2 was begun and has not ended"), "{}", start("yes"));
}

#[pgrepo::test]
async fn a_table_that_somebody_changed_is_told_by_its_column(database: TestDatabase) {
    let db = Db::from_url(&database.url()).await.unwrap();
    run_migrations(&db).await.unwrap();
    db.execute_script("ALTER TABLE airports ALTER COLUMN elevation_ft TYPE int8").await.unwrap();
    let said = fails(&[("DATABASE_URL", &database.url()), ("SERVICE_LISTEN", "127.0.0.1:0")], &[]);
    assert!(said.contains("elevation_ft") && said.contains("int8"), "{said}");
}

#[test]
fn settings_that_cannot_be_meant_are_told() {
    for (name, value) in [("SERVICE_LISTEN", "nowhere"), ("SERVICE_MAXBODY", "1"), ("DATABASE_URL", "mysql://x")] {
        let said = fails(&[(name, value)], &[]);
        assert!(said.contains(name) || said.contains("URL"), "{said}");
    }
    let said = fails(&[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"), ("SERVICE_LISTEN", "127.0.0.1:0")], &[]);
    assert!(said.contains("no connection to 127.0.0.1, port 1"), "{said}");
}

/// `cargo run -p pgrepo-service`, without any set-up.
#[tokio::test]
async fn without_a_database_it_brings_its_own() {
    let process = Process::start(&[]);
    let mut client = pgrepo_service::client::Client::new(process.address);
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(client.get(path).await.unwrap().status.as_u16(), 200, "{path}");
    }
}
