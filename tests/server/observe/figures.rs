//! Figures by the facade `metrics`.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use metrics::set_default_local_recorder;
use pgrepo::testkit::{Ending, TestDatabase};
use pgrepo::{BreakerConfig, BreakerState, CopyFormat, Db, Error, RetryConfig, TxOptions, WithDeadline};

use super::recorder::Figures;
use super::{Town, town, towns};
use crate::support::{LONG, Rng, config, pool, proxy};

const OPERATIONS: &str = "postgresql_operations_total";
const DURATION: &str = "postgresql_operation_duration_seconds";
const ERRORS: &str = "postgresql_operation_errors_total";

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn counters_are_the_operations_that_were_run_side_by_side(test: TestDatabase) {
    let db = pool(&test.url(), "figures", 3).await;
    let figures = Figures::default();
    let _recording = set_default_local_recorder(&figures);
    const TASKS: u64 = 8;
    const EACH: u64 = 40;
    // Got, inserted, refused, given up, own.
    let task = |number: u64| {
        let db = &db;
        async move {
            let (mut rng, mut run) = (Rng(number), [0_u64; 5]);
            for turn in 0..EACH {
                let kind = rng.below(5);
                run[kind] += 1;
                let id = i64::try_from(1000 + number * EACH + turn).unwrap();
                let towns = db.repository::<Town>();
                match kind {
                    0 => drop(towns.get(1).await.unwrap()),
                    1 => drop(towns.insert(town(id, &format!("canary {id}"))).await.unwrap()),
                    2 => drop(towns.insert(town(1, "canary")).await.unwrap_err()),
                    3 => {
                        let slow = db.query("SELECT pg_sleep(60)").execute();
                        slow.with_deadline(Duration::from_millis(20)).await.unwrap_err();
                    }
                    _ => drop(db.query("SELECT $1::text").bind("canary").fetch_val::<String>().await.unwrap()),
                }
            }
            run
        }
    };
    let tasks = futures_util::future::join_all((0..TASKS).map(task)).await;
    let run = tasks.iter().fold([0; 5], |sum: [u64; 5], one| std::array::from_fn(|kind| sum[kind] + one[kind]));
    let towns = "table=geo.towns";
    for (number, labels) in [
        (run[0], ["operation=get", towns, "status=success"]),
        (run[1], ["operation=insert", towns, "status=success"]),
        (run[2], ["operation=insert", towns, "status=error"]),
        (run[3], ["operation=execute", "table=", "status=cancelled"]),
        (run[4], ["operation=fetch_val", "table=", "status=success"]),
        (TASKS * EACH, ["", "", ""]),
    ] {
        let labels: Vec<_> = labels.into_iter().filter(|label| !label.is_empty()).collect();
        assert!(number > 0);
        assert_eq!(figures.sum(OPERATIONS, &labels), number as f64, "{labels:?}");
        assert_eq!(figures.times(DURATION, &labels), number, "{labels:?}");
    }
    assert_eq!(figures.sum(ERRORS, &["operation=insert", towns, "error_type=23505"]), run[2] as f64);
    assert_eq!(figures.sum(ERRORS, &[]), run[2] as f64);
    assert!(figures.sum(DURATION, &["operation=execute"]) >= 0.02 * run[3] as f64);
    assert!(!figures.text().contains("canary"), "{}", figures.text());
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn copies_count_what_was_sent_and_what_came(test: TestDatabase) {
    let db = pool(&test.url(), "figures", 3).await;
    let figures = Figures::default();
    let _recording = set_default_local_recorder(&figures);
    let all = || db.repository::<Town>();
    let copied = |labels: &[&str]| {
        (figures.sum("postgresql_copy_rows_total", labels), figures.sum("postgresql_copy_bytes_total", labels))
    };
    let report = all().copy_in(towns(100..2000)).await.unwrap();
    assert_eq!(copied(&["operation=copy_in", "direction=in", "table=geo.towns"]), (1900.0, report.bytes as f64));
    all().copy_in(towns(1999..2001)).await.unwrap_err();
    assert_eq!(copied(&["direction=in"]), (1900.0, report.bytes as f64), "nothing of it was stored");
    let many = all().insert_many(towns(3000..3500)).await.unwrap();
    assert_eq!(copied(&["operation=insert_many"]).0, many as f64);
    let (loaded, _) = all().load(towns(3499..3600)).collect().await.unwrap();
    assert_eq!(copied(&["operation=load"]).0, loaded.rows as f64);
    all().merge(towns(100..110)).execute().await.unwrap();
    assert_eq!(copied(&["operation=merge"]).0, 10.0);
    let mut out = Vec::new();
    let report = all().copy_out_raw(&CopyFormat::binary(), &mut out).await.unwrap();
    let raw = (report.rows as f64, report.bytes as f64);
    assert_eq!(copied(&["operation=copy_out", "direction=out", "table=geo.towns"]), raw);
    let rows = all().copy_out().await.unwrap().collect::<Vec<_>>().await;
    assert_eq!(copied(&["direction=out"]), (2.0 * rows.len() as f64, 2.0 * out.len() as f64));
    for operation in ["copy_in", "insert_many", "load", "merge", "copy_out"] {
        let number = if operation == "copy_out" { 2.0 } else { 1.0 };
        let operation = format!("operation={operation}");
        assert_eq!(figures.sum(OPERATIONS, &[&operation, "status=success"]), number, "{operation}");
    }
}

#[pgrepo::test]
async fn the_pool_and_its_waits_are_told(test: TestDatabase) {
    let db = pool(&test.url(), "figures", 1).await;
    let figures = Figures::default();
    let _recording = set_default_local_recorder(&figures);
    let tx = db.begin().await.unwrap();
    let mut waits = Box::pin(db.query("SELECT 1").execute());
    assert!(waits.as_mut().now_or_never().is_none());
    db.record_metrics();
    let connections = |state: &str| figures.sum("postgresql_pool_connections", &[state]);
    assert_eq!((connections("state=used"), connections("state=idle")), (1.0, 0.0));
    assert_eq!(figures.sum("postgresql_pool_waiting", &[]), 1.0);
    assert_eq!(figures.sum("postgresql_pool_connections_max", &[]), 1.0);
    assert_eq!(figures.times("postgresql_pool_wait_duration_seconds", &[]), 0);
    tx.rollback().await.unwrap();
    waits.await.unwrap();
    assert_eq!(figures.times("postgresql_pool_wait_duration_seconds", &[]), 1);
    assert!(figures.sum("postgresql_pool_wait_duration_seconds", &[]) > 0.0);
    // As each look of a monitor does.
    let mut monitor = db.monitor(Duration::from_secs(60));
    monitor.next().await.unwrap();
    let status = db.status();
    assert_eq!((connections("state=used"), connections("state=idle")), (0.0, 1.0));
    assert_eq!(figures.sum("postgresql_pool_acquired_total", &[]), status.acquired as f64);
    assert_eq!(figures.sum("postgresql_pool_connections_opened_total", &[]), status.opened as f64);
    let config = config(&test.url(), "", 1);
    let pool = format!("pool={}:{}/{}", config.host, config.port, config.database.unwrap());
    assert_eq!(figures.sum("postgresql_pool_connections_max", &[&pool]), 1.0, "{}", figures.text());
    let undescribed: Vec<_> = figures.names().into_iter().filter(|name| !figures.is_described(name)).collect();
    assert!(undescribed.is_empty(), "{undescribed:?}");
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn repetitions_are_counted_beside_the_operations(test: TestDatabase) {
    let mut config = config(&test.url(), "figures", 2);
    config.retry = RetryConfig { first_delay: Duration::ZERO, ..RetryConfig::default() };
    let db = Db::connect(config).await.unwrap();
    let figures = Figures::default();
    let _recording = set_default_local_recorder(&figures);
    let retries = |labels: &[&str]| figures.sum("postgresql_retries_total", labels);
    db.query("SELECT third()").idempotent().fetch_one::<i64>().await.unwrap();
    assert_eq!((retries(&["error_type=40001"]), retries(&[])), (2.0, 2.0));
    assert_eq!(figures.sum(OPERATIONS, &["status=success"]), 1.0, "it is one operation");
    let work = async |tx: &mut pgrepo::Tx| tx.query("SELECT third()").fetch_one::<i64>().await;
    db.transaction_with(TxOptions::default(), work).await.unwrap();
    assert_eq!((retries(&["error_type=conflict"]), retries(&[])), (2.0, 4.0));
    assert_eq!(figures.sum(OPERATIONS, &["operation=transaction", "status=success"]), 1.0);
    assert_eq!(figures.sum(OPERATIONS, &["operation=begin"]), 3.0);
    let error = db.transaction(async |_| Err::<(), _>(Own)).await;
    assert!(error.is_err());
    assert_eq!(figures.sum(ERRORS, &["operation=transaction", "error_type=other"]), 1.0);
}

struct Own;

impl From<Error> for Own {
    fn from(_: Error) -> Self {
        Self
    }
}

#[pgrepo::test]
async fn the_breaker_tells_its_state(test: TestDatabase) {
    let proxy = proxy(&test).await;
    let mut config = config(&proxy.url(test.name()), "figures", 2);
    config.retry = RetryConfig::off();
    config.acquire_timeout = LONG;
    let slow_call = None;
    config.breaker =
        Some(BreakerConfig { min_calls: 2, slow_call, open_for: Duration::from_secs(600), ..BreakerConfig::default() });
    let db = Db::connect(config).await.unwrap();
    let figures = Figures::default();
    let _recording = set_default_local_recorder(&figures);
    let state = || figures.sum("postgresql_breaker_state", &[]);
    db.record_metrics();
    assert_eq!(state(), 0.0);
    proxy.close_new(true);
    proxy.end_all(Ending::Close);
    while db.breaker().unwrap().snapshot().state != BreakerState::Open {
        db.query("SELECT 1").execute().await.unwrap_err();
    }
    assert_eq!(state(), 2.0, "at once");
    assert_eq!(figures.sum("postgresql_breaker_changes_total", &["to=open"]), 1.0);
    db.query("SELECT 1").execute().await.unwrap_err();
    db.record_metrics();
    assert_eq!(figures.sum("postgresql_breaker_rejected_total", &[]), 1.0);
    assert_eq!(figures.sum(ERRORS, &["error_type=circuit_open"]), 1.0);
}
