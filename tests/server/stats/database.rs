//! `database_stats`.

use std::time::{Duration, Instant};

use pgrepo::testkit::TestDatabase;
use pgrepo::{DatabaseStats, Db, DbConfig, Password, Replication};

use super::psql;
use crate::support::{Direct, LONG};

/// The counts that nobody changes between two questions.
#[pgrepo::test]
async fn figures_are_those_that_psql_asks_the_catalog_for(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run("CREATE TABLE a (id int8 PRIMARY KEY); CREATE TABLE b (day date) PARTITION BY RANGE (day)").await;
    direct.run("CREATE TABLE b1 PARTITION OF b FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')").await;
    direct.run("CREATE TEMPORARY TABLE mine (id int8); CREATE VIEW v AS TABLE a").await;
    let ours = Db::from_url(&db.url()).await.unwrap();
    let stats = ours.database_stats().await.unwrap();
    let sql = "SELECT current_database(), current_setting('server_version'), current_setting('server_version_num'), \
               pg_database_size(current_database()), pg_size_pretty(pg_database_size(current_database())), \
               current_setting('max_connections')";
    let Some(theirs) = psql(&db, sql).await else { return };
    let DatabaseStats { name, version, version_number, size_bytes, size, connections, .. } = &stats;
    assert_eq!(format!("{name}|{version}|{version_number}|{size_bytes}|{size}|{}", connections.limit), theirs);
    assert_eq!(stats.tables, 2, "partitions, views and what is temporary are no tables of their own");
    // The direct session, and that of the question.
    assert_eq!((connections.active, connections.idle, connections.hidden), (1, 1, 0), "{connections:?}");
    assert_eq!((connections.total(), stats.longest_query), (2, None));
    assert_eq!(stats.replication, Replication::Primary { standbys: Some(Vec::new()) });
    assert!(stats.uptime > Duration::ZERO);
}

#[pgrepo::test]
async fn an_open_transaction_and_a_long_query_are_seen_with_their_ages(db: TestDatabase) {
    let ours = Db::from_url(&db.url()).await.unwrap();
    let mut tx = ours.begin().await.unwrap();
    tx.query("SELECT 1").execute().await.unwrap();
    let waiting = tokio::spawn({
        let ours = ours.clone();
        async move { ours.query("SELECT pg_sleep(60)::text").fetch_val::<String>().await }
    });
    let mut direct = Direct::to(&db).await;
    direct.within(LONG, "it sleeps", "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND datname = current_database() AND state = 'active')").await;
    let stats = ours.database_stats().await.unwrap();
    assert_eq!((stats.connections.idle_in_transaction, stats.connections.active), (1, 2), "{stats:?}");
    let (oldest, query) = (stats.longest_transaction.unwrap(), stats.longest_query.unwrap());
    assert!(oldest >= query && query > Duration::ZERO, "{stats:?}");
    // In a transaction its own age is none.
    let within = DatabaseStats::fetch(&mut tx).await.unwrap();
    assert_eq!(within.connections.idle_in_transaction, 0);
    waiting.abort();
}

/// A role that may do nothing but connect.
#[pgrepo::test]
async fn an_ordinary_role_sees_what_it_may_and_is_told_what_is_hidden(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    let role = db.name().replace("pgrepo_test", "reader");
    direct.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'r'; CREATE TABLE secret (id int8)")).await;
    let mut config = DbConfig::from_url(&db.tcp_url()).unwrap();
    (config.user, config.password) = (role.clone(), Some(Password::new("r")));
    let theirs = Db::connect(config).await.unwrap();
    let stats = theirs.database_stats().await.unwrap();
    // The direct session is a superuser's.
    assert_eq!((stats.connections.hidden, stats.connections.total()), (1, 2), "{stats:?}");
    assert_eq!((stats.longest_transaction, &stats.replication), (None, &Replication::Primary { standbys: None }));
    assert!(stats.size_bytes > 0 && stats.tables == 1);
    let shown = stats.to_string();
    assert!(shown.contains("1 active, 0 idle, 0 idle in a transaction, 1 not to be seen"), "{shown}");
    assert!(shown.contains("primary; its standbys are not to be seen"), "{shown}");
    // Of a table that it may not read it is told what the catalog tells everybody.
    let secret = theirs.table_info_of("secret").await.unwrap();
    assert_eq!((secret.columns.len(), secret.estimated_rows), (1, None));
    theirs.close().await;
    direct.run(&format!("DROP ROLE {role}")).await;
}

/// Nothing was read yet: there is no ratio, and it is not NaN.
#[pgrepo::test]
async fn what_was_never_counted_is_none(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run("ANALYZE").await;
    let ours = Db::from_url(&db.url()).await.unwrap();
    // What a session asks for is counted when its transaction has ended.
    let mut tx = ours.begin().await.unwrap();
    tx.query("SELECT pg_stat_reset()").execute().await.unwrap();
    // Before version 15 another process counts, and begins anew a moment later.
    let begun = Instant::now();
    let fresh = loop {
        tx.query("SELECT pg_stat_clear_snapshot()").execute().await.unwrap();
        let fresh = DatabaseStats::fetch(&mut tx).await.unwrap();
        let anew = fresh.counted_since.is_some() && fresh.cache_hit_ratio.is_none();
        if anew || db.server().major() >= 15 || begun.elapsed() > LONG {
            break fresh;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    tx.rollback().await.unwrap();
    assert!(fresh.counted_since.is_some());
    assert_eq!(fresh.cache_hit_ratio, None, "{fresh:?}");
    assert!(fresh.to_string().contains("no block was asked for yet"), "{fresh}");
    let json = serde_json::to_value(&fresh).unwrap();
    assert_eq!(json["cache_hit_ratio"], serde_json::Value::Null);
    let read: DatabaseStats = serde_json::from_value(json).unwrap();
    assert_eq!(read.connections, fresh.connections);
}

/// The server counts, and what it counts is told.
#[pgrepo::test]
async fn a_rollback_is_counted(db: TestDatabase) {
    let ours = Db::from_url(&db.url()).await.unwrap();
    let rolled_back = ours.database_stats().await.unwrap().rollbacks;
    for _ in 0..3 {
        ours.begin().await.unwrap().rollback().await.unwrap();
    }
    // The server writes its counts down a moment later.
    let counted = async {
        while ours.database_stats().await.unwrap().rollbacks < rolled_back + 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, counted).await.expect("rollbacks are counted");
}
