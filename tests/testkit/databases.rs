use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};

use pgrepo::testkit::Template;
use sqlx::{Connection, PgConnection};

use crate::support::{connect, one, private_server, run, test_databases};

#[tokio::test]
async fn each_is_a_copy_of_its_own() {
    let server = private_server().await;
    let template = Template::from_sql(&server, "CREATE TABLE t (id int)").await.expect("a template");
    let (a, b) = tokio::join!(template.database(), template.database());
    let (a, b) = (a.expect("a database"), b.expect("a database"));
    assert_ne!(a.name(), b.name());
    run(&mut connect(&a.url()).await, "INSERT INTO t VALUES (1)").await;
    assert_eq!(one::<i64>(&mut connect(&b.url()).await, "SELECT count(*) FROM t").await, 0);
    assert_eq!(one::<i64>(&mut connect(&a.url()).await, "SELECT count(*) FROM t").await, 1);
}

#[tokio::test]
async fn a_script_is_set_up_once() {
    let server = private_server().await;
    let make = || Template::from_sql(&server, "CREATE TABLE once (id int)");
    let (a, b, other) = tokio::join!(make(), make(), Template::from_sql(&server, "SELECT 1"));
    for template in [a, b, other] {
        template.expect("a template");
    }
    assert_eq!(test_databases(&server).await.len(), 2);
}

#[tokio::test]
async fn a_closure_is_run_once() {
    let server = private_server().await;
    let runs = AtomicU32::new(0);
    for _ in 0..3 {
        let template = Template::with_set_up(&server, "made by hand", async |url| {
            runs.fetch_add(1, Ordering::Relaxed);
            let mut connection = PgConnection::connect(&url).await?;
            sqlx::raw_sql("CREATE TABLE t AS SELECT 5 AS id").execute(&mut connection).await?;
            connection.close().await
        })
        .await
        .expect("a template");
        let database = template.database().await.expect("a database");
        assert_eq!(one::<i32>(&mut connect(&database.url()).await, "SELECT id FROM t").await, 5);
    }
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_failed_set_up_is_tried_again() {
    let server = private_server().await;
    Template::from_sql(&server, "no SQL").await.expect_err("a syntax error");
    let fails = Template::with_set_up(&server, "key", async |_| Err(std::io::Error::other("no"))).await;
    fails.expect_err("the closure's error");
    let works = Template::with_set_up(&server, "key", async |_| Ok::<(), Infallible>(())).await;
    works.expect("a template").database().await.expect("a database");
}

#[tokio::test]
async fn it_goes_with_its_last_handle_whoever_is_connected() {
    let server = private_server().await;
    let template = Template::from_sql(&server, "").await.expect("a template");
    let database = template.database().await.expect("a database");
    let second = database.clone();
    let mut connection = connect(&database.url()).await;
    drop(database);
    assert_eq!(one::<i32>(&mut connection, "SELECT 1").await, 1);
    let name = second.name().to_owned();
    drop(second);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while test_databases(&server).await.contains(&name) {
        assert!(tokio::time::Instant::now() < deadline, "it stays");
    }
    let closed = template.database().await.expect("a database");
    let name = closed.name().to_owned();
    let _connected = connect(&closed.url()).await;
    closed.close().await.expect("its end");
    assert!(!test_databases(&server).await.contains(&name));
}
