//! The end of the service loses nothing.

use std::io::Read;
use std::time::Duration;

use pgrepo::Db;
use pgrepo::testkit::TestDatabase;
use pgrepo_service::client::Client;
use pgrepo_service::{Ended, Settings};
use tokio::net::TcpStream;

use super::support::{
    LONG, NDJSON, Process, Running, UNDER_WAY, body, id, line, lines, service, settings, stored, told, until,
};

#[pgrepo::test]
async fn an_upload_under_way_ends_and_its_answer_comes(database: TestDatabase) {
    let (mut running, mut client, db) = service(&database).await;
    let mut idle = running.client();
    idle.get("/health").await.unwrap();
    let (pieces, open) = body();
    let upload = tokio::spawn(async move { client.upload(id(), NDJSON, open).await.unwrap() });
    pieces.send(line("AAAA").into()).await.unwrap();
    until(&db, UNDER_WAY).await;
    running.stop();
    // Nobody is let in any more.
    let began = std::time::Instant::now();
    while TcpStream::connect(running.address).await.is_ok() {
        assert!(began.elapsed() < LONG, "it still listens");
    }
    assert!(idle.get("/health").await.is_err());
    for number in 0..5 {
        pieces.send(lines(&format!("{number}x"), 1_000).into()).await.unwrap();
    }
    drop(pieces);
    assert_eq!(upload.await.unwrap().status.as_u16(), 201);
    assert_eq!(running.ended().await, Ended { cut: 0, left: 0 });
    assert_eq!((stored(&db, None).await, told(&db).await), (5_001, 1));
}

#[pgrepo::test]
async fn an_upload_that_does_not_end_in_time_is_rolled_back_and_told_so(database: TestDatabase) {
    let db = Db::from_url(&database.url()).await.unwrap();
    let limits = Settings { shutdown_limit: Duration::from_millis(300), ..settings() };
    let mut running = Running::start(limits, &database.url()).await;
    let (mut open_client, mut locked_client) = (running.client(), running.client());
    let (pieces, open) = body();
    let upload = tokio::spawn(async move { open_client.upload(id(), NDJSON, open).await.unwrap() });
    pieces.send(lines("A", 3_000).into()).await.unwrap();
    until(&db, UNDER_WAY).await;
    // Another one waits for a lock and not for its client.
    let mut tx = db.begin().await.unwrap();
    tx.query("LOCK TABLE uploads IN SHARE MODE").execute().await.unwrap();
    let locked = tokio::spawn(async move { locked_client.upload(id(), NDJSON, line("LOCK")).await.unwrap() });
    until(&db, "SELECT count(*) FROM pg_locks WHERE NOT granted").await;
    running.stop();
    for upload in [upload, locked] {
        let answer = upload.await.unwrap();
        assert_eq!((answer.status.as_u16(), &*answer.reason()), (503, "stopping"), "{}", answer.json());
    }
    assert_eq!(running.ended().await, Ended { cut: 0, left: 0 });
    tx.rollback().await.unwrap();
    assert_eq!((stored(&db, None).await, told(&db).await), (0, 0));
}

#[pgrepo::test]
async fn sigterm_ends_the_program_in_order(database: TestDatabase) {
    let mut process = Process::start(&[("DATABASE_URL", &database.url())]);
    let mut client = Client::new(process.address);
    let (pieces, open) = body();
    let upload = tokio::spawn(async move { client.upload(id(), NDJSON, open).await.unwrap() });
    let db = Db::from_url(&database.url()).await.unwrap();
    until(&db, UNDER_WAY).await;
    process.signal("TERM");
    pieces.send(line("AAAA").into()).await.unwrap();
    drop(pieces);
    assert_eq!(upload.await.unwrap().status.as_u16(), 201);
    let mut said = String::new();
    process.out.read_to_string(&mut said).unwrap();
    assert!(process.child.wait().unwrap().success());
    assert_eq!(said.lines().last(), Some("stopped: 0 clients cut off, 0 connections to the database left"));
    assert_eq!(stored(&db, None).await, 1);
}
