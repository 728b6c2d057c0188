//! What `/health` and `/ready` say while the database is well, gone, silent, or not migrated.

use std::time::{Duration, Instant};

use pgrepo::testkit::{Ending, Proxy, Server, ServerOptions, StopMode, TestDatabase};
use pgrepo::{Db, DbConfig};
use pgrepo_service::{Settings, run_migrations};
use serde_json::json;

use super::support::{LONG, NDJSON, Running, UNDER_WAY, body, id, line, service, settings, until};

#[pgrepo::test]
async fn health_tells_of_the_database(database: TestDatabase) {
    let (running, mut client, _db) = service(&database).await;
    let answer = client.get("/health").await.unwrap();
    let told = answer.json();
    assert_eq!((answer.status.as_u16(), &told["connected"]), (200, &json!(true)), "{told}");
    assert!(told["cache_hit_ratio"].as_f64().is_some_and(|ratio| (0.0..=1.0).contains(&ratio)), "{told}");
    assert!(told["active_connections"].as_u64().is_some_and(|active| active >= 1), "{told}");
    assert_eq!(told["pool"]["max"], json!(10));
    running.ended().await;
}

/// The limit is told in milliseconds, and the answer may come later by what a busy machine takes, but not by another limit.
#[pgrepo::test(server = "private")]
async fn a_silent_network_is_told_within_the_deadline_and_so_is_its_end(database: TestDatabase) {
    let proxy = Proxy::start(database.server()).await.unwrap();
    let running = Running::start(Settings { request_limit: LONG, ..settings() }, &proxy.url(database.name())).await;
    let mut client = running.client();
    assert_eq!(client.get("/health").await.unwrap().status.as_u16(), 200);
    proxy.black_hole(true);
    for path in ["/health", "/ready", "/health", "/ready"] {
        let began = Instant::now();
        let answer = tokio::time::timeout(LONG, client.get(path)).await.expect("it answers").unwrap();
        let took = began.elapsed();
        let told = answer.json();
        assert_eq!(answer.status.as_u16(), 503, "{path}: {told}");
        assert!(told["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{told}");
        // The server's own limits are 10 and 30 seconds.
        assert!(took < Duration::from_secs(8), "{path} took {took:?}");
    }
    assert_eq!(client.get("/health").await.unwrap().json()["connected"], json!(false));
    proxy.heal();
    proxy.end_all(Ending::Reset);
    let began = Instant::now();
    while client.get("/health").await.unwrap().status.as_u16() != 200 {
        assert!(began.elapsed() < LONG, "it does not come back");
    }
    running.ended().await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_told_and_used_again_when_it_is_back() {
    let server = Server::start(ServerOptions::private()).await.unwrap();
    let running = Running::start(settings(), &server.tcp_url("postgres")).await;
    let mut client = running.client();
    server.stop(StopMode::Immediate).await.unwrap();
    for path in ["/health", "/ready", "/airports", "/stats"] {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.status.as_u16(), 503, "{path}: {}", answer.json());
        assert!(!answer.reason().is_empty());
    }
    server.start_again().await.unwrap();
    let began = Instant::now();
    for path in ["/health", "/ready", "/airports", "/stats"] {
        while client.get(path).await.unwrap().status.as_u16() != 200 {
            assert!(began.elapsed() < LONG, "{path} does not come back");
        }
    }
    running.ended().await;
    server.shutdown().await.unwrap();
}

/// Uploads may not take all connections, and the health does not need one of those.
#[pgrepo::test]
async fn health_and_lists_are_answered_while_all_uploads_are_under_way(database: TestDatabase) {
    let mut config = DbConfig::from_url(&database.url()).unwrap();
    config.max_connections = 2;
    let running = Running::with(settings(), config).await;
    let mut uploader = running.client();
    let (pieces, open) = body();
    let upload = tokio::spawn(async move { uploader.upload(id(), NDJSON, open).await.unwrap() });
    let db = Db::from_url(&database.url()).await.unwrap();
    until(&db, UNDER_WAY).await;
    let mut client = running.client();
    for path in ["/health", "/ready", "/airports", "/stats", "/metrics"] {
        assert_eq!(client.get(path).await.unwrap().status.as_u16(), 200, "{path}");
    }
    // And with the other one taken by somebody else's lock.
    let mut tx = db.begin().await.unwrap();
    tx.query("LOCK TABLE airports IN ACCESS EXCLUSIVE MODE").execute().await.unwrap();
    let mut waiting = running.client();
    let list = tokio::spawn(async move { waiting.get("/stats").await.unwrap() });
    until(&db, "SELECT count(*) FROM pg_locks WHERE NOT granted").await;
    for path in ["/health", "/ready"] {
        assert_eq!(client.get(path).await.unwrap().status.as_u16(), 200, "{path}");
    }
    tx.rollback().await.unwrap();
    assert_eq!(list.await.unwrap().status.as_u16(), 200);
    pieces.send(line("AAAA").into()).await.unwrap();
    drop(pieces);
    assert_eq!(upload.await.unwrap().status.as_u16(), 201);
    running.ended().await;
}

#[pgrepo::test]
async fn it_is_ready_when_the_migrations_are_there(database: TestDatabase) {
    let db = Db::from_url(&database.url()).await.unwrap();
    let running = Running::start(Settings { migrate: false, ..settings() }, &database.url()).await;
    let mut client = running.client();
    let answer = client.get("/ready").await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.reason()), (503, "not-migrated"));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("migration 1 (airports)") && detail.contains("pgrepo-service migrate"), "{detail}");
    for path in ["/airports", "/stats"] {
        let answer = client.get(path).await.unwrap();
        assert_eq!((answer.status.as_u16(), &*answer.reason()), (503, "not-migrated"), "{path}");
    }
    let answer = client.upload(id(), NDJSON, line("AAAA")).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.reason()), (503, "not-migrated"), "{}", answer.json());
    assert_eq!(client.get("/health").await.unwrap().status.as_u16(), 200);
    run_migrations(&db).await.unwrap();
    assert_eq!(client.get("/ready").await.unwrap().status.as_u16(), 200);
    assert_eq!(client.upload(id(), NDJSON, line("AAAA")).await.unwrap().status.as_u16(), 201);
    running.ended().await;
}
