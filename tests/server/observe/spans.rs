//! Spans by OpenTelemetry's names.

use std::pin::pin;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use pgrepo::testkit::TestDatabase;
use pgrepo::{Commit, CopyFormat, Db, Error, RetryConfig, Statement, TxOptions, Value, WithDeadline};

use super::listener::{Listener, Span};
use super::{Town, town, towns};
use crate::support::{LONG, config};

/// A value that nobody is to be told.
const CANARY: &str = "canary";

async fn connect(db: &TestDatabase) -> Db {
    Db::connect(config(&db.url(), "spans", 4)).await.unwrap()
}

/// An operation on the table of towns, that succeeded.
fn of_towns(span: &Span, operation: &str, rows: u64) {
    check(span, operation, &format!("{operation} geo.towns"), rows);
    assert_eq!(span.get("db.collection.name"), "geo.towns");
}

#[track_caller]
fn check(span: &Span, operation: &str, name: &str, rows: u64) {
    assert_eq!(span.name(), name);
    assert_eq!(span.meta.target(), "pgrepo::operation");
    for (field, value) in [
        ("otel.kind", "client"),
        ("otel.status_code", ""),
        ("db.system.name", "postgresql"),
        ("db.operation.name", operation),
        ("pgrepo.status", "success"),
        ("pgrepo.attempts", ""),
        ("error.type", ""),
        ("db.query.text", ""),
        ("pgrepo.rows", &rows.to_string()),
    ] {
        assert_eq!(span.get(field), value, "{field} of {name}");
    }
    assert_eq!(span.held, 0, "{name} is closed");
    assert!(span.entered > 0, "{name} is entered");
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn each_operation_on_a_table_is_one_span(test: TestDatabase) {
    let db = connect(&test).await;
    let (log, _listening) = Listener::begin();
    let all = || db.repository::<Town>();
    let few = || all().find(Town::ID.lt(4));

    all().get(1).await.unwrap();
    let span = log.one();
    of_towns(&span, "get", 1);
    assert_eq!(span.get("db.response.returned_rows"), "1");
    let config = config(&test.url(), "", 1);
    assert_eq!(span.get("server.address"), config.host);
    assert_eq!(span.get("server.port"), config.port.to_string());
    assert_eq!(span.get("db.namespace"), config.database.unwrap());

    all().get_many([1, 2, 99]).await.unwrap();
    of_towns(&log.one(), "get_many", 2);
    few().fetch_all().await.unwrap();
    of_towns(&log.one(), "fetch_all", 3);
    few().limit(1).fetch_one().await.unwrap();
    of_towns(&log.one(), "fetch_one", 1);
    few().limit(0).fetch_optional().await.unwrap();
    of_towns(&log.one(), "fetch_optional", 0);
    few().fetch_first().await.unwrap();
    of_towns(&log.one(), "fetch_first", 1);
    few().values(Town::NAME).fetch_all().await.unwrap();
    of_towns(&log.one(), "fetch_all", 3);
    few().count().await.unwrap();
    of_towns(&log.one(), "count", 1);
    few().exists().await.unwrap();
    of_towns(&log.one(), "exists", 1);
    few().sum(Town::PEOPLE).await.unwrap();
    of_towns(&log.one(), "sum", 1);
    few().explain().await.unwrap();
    assert_eq!(log.one().name(), "explain geo.towns");
    few().pages(std::num::NonZeroUsize::MIN).fetch_page().await.unwrap();
    assert_eq!(log.one().get("db.collection.name"), "geo.towns");

    all().insert(town(20, "x")).await.unwrap();
    of_towns(&log.one(), "insert", 1);
    all().insert_new(town(20, "x")).await.unwrap();
    of_towns(&log.one(), "insert_new", 0);
    all().insert_many(towns(21..24)).await.unwrap();
    of_towns(&log.one(), "insert_many", 3);
    all().insert_many_new(towns(23..26)).await.unwrap();
    of_towns(&log.one(), "insert_many_new", 3);
    all().update(town(20, "y")).await.unwrap();
    of_towns(&log.one(), "update", 1);
    all().upsert(town(20, "z")).await.unwrap();
    of_towns(&log.one(), "upsert", 1);
    all().patch(20, [Town::PEOPLE.set(2)]).await.unwrap();
    of_towns(&log.one(), "patch", 1);
    all().update_where(Town::ID.gt(20)).set(Town::PEOPLE.set(3)).execute().await.unwrap();
    of_towns(&log.one(), "update_where", 5);
    all().delete(20).await.unwrap();
    of_towns(&log.one(), "delete", 1);
    all().delete_many([21, 22]).execute().await.unwrap();
    of_towns(&log.one(), "delete_many", 2);
    all().delete_where(Town::ID.gt(20)).fetch_all().await.unwrap();
    of_towns(&log.one(), "delete_where", 3);
    db.copy_records(("geo", "towns"), &["id", "name"], [[Value::from(30_i64), Value::from("w")]]).await.unwrap();
    of_towns(&log.one(), "copy_records", 1);
    drop(db.verify::<Town>().await.unwrap());
    assert_eq!(log.one().get("db.operation.name"), "table_shape");
    db.table_info::<Town>().await.unwrap();
    assert_eq!(log.one().get("db.operation.name"), "table_info");
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn copies_tell_rows_and_bytes(test: TestDatabase) {
    let db = connect(&test).await;
    let (log, _listening) = Listener::begin();
    let all = || db.repository::<Town>();
    let bytes = |bytes: u64| {
        assert!(bytes > 0);
        let span = log.last();
        assert_eq!(span.get("pgrepo.bytes"), bytes.to_string());
    };

    let report = all().copy_in(towns(100..2000)).await.unwrap();
    bytes(report.bytes);
    of_towns(&log.one(), "copy_in", 1900);
    let (report, _) = all().load(towns(1999..2100)).commit(Commit::EachBatch).collect().await.unwrap();
    assert_eq!((report.rows, report.rejected), (100, 1));
    of_towns(&log.one(), "load", 100);
    all().merge(towns(100..110)).execute().await.unwrap();
    of_towns(&log.one(), "merge", 10);
    let mut out = Vec::new();
    let report = all().copy_out_raw(&CopyFormat::binary(), &mut out).await.unwrap();
    bytes(report.bytes);
    of_towns(&log.one(), "copy_out", report.rows);
    let rows = all().copy_out().await.unwrap().collect::<Vec<_>>().await;
    bytes(out.len() as u64);
    of_towns(&log.one(), "copy_out", rows.len() as u64);
    let rows = all().find(Town::ID.lt(3)).copy_out().await.unwrap().collect::<Vec<_>>().await;
    of_towns(&log.one(), "copy_out", rows.len() as u64);
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn statements_of_ones_own_and_transactions_are_spans(test: TestDatabase) {
    let db = connect(&test).await;
    let (log, _listening) = Listener::begin();
    let database = config(&test.url(), "", 1).database.unwrap();
    let own = |operation: &str, rows: u64| check(&log.one(), operation, &format!("{operation} {database}"), rows);
    let sql = "SELECT name FROM geo.towns WHERE id < 4";

    db.query("UPDATE geo.towns SET people = 0 WHERE id < 3").execute().await.unwrap();
    own("execute", 2);
    db.query(sql).fetch_all::<String>().await.unwrap();
    own("fetch_all", 3);
    db.query(sql).fetch_rows().await.unwrap();
    own("fetch_rows", 3);
    db.query("SELECT 1").fetch_val::<i32>().await.unwrap();
    own("fetch_val", 1);
    db.execute_script("SELECT 1; SELECT 2").await.unwrap();
    assert_eq!(log.one().get("db.operation.name"), "execute_script");
    db.database_stats().await.unwrap();
    own("database_stats", 1);
    db.advisory_lock(7).await.unwrap().unlock().await.unwrap();
    assert_eq!(
        log.take().iter().map(Span::name).collect::<Vec<_>>(),
        [format!("advisory_lock {database}"), format!("unlock {database}")]
    );

    let work = async |tx: &mut pgrepo::Tx| {
        tx.repository::<Town>().get(1).await?;
        tx.savepoint(async |tx| tx.query("SELECT 1").execute().await).await?;
        Ok::<_, Error>(())
    };
    db.transaction(work).await.unwrap();
    let spans = log.take();
    let names: Vec<_> = spans.iter().map(|span| span.get("db.operation.name")).collect();
    assert_eq!(names, ["transaction", "begin", "get", "savepoint", "execute", "release", "commit"]);
    assert_eq!((spans[0].parent, spans[0].get("otel.kind")), (None, "internal"));
    assert!(spans[1..].iter().all(|span| span.get("otel.kind") == "client" && span.parent == spans[1].parent));
    assert!(spans[1].parent.is_some());

    let statements = [Statement::new("SELECT 1"), Statement::new("SELECT 2")];
    db.execute_all(&statements).await.unwrap();
    let spans = log.take();
    let names: Vec<_> = spans.iter().map(|span| span.get("db.operation.name")).collect();
    assert_eq!(names, ["execute_all", "begin", "execute", "execute", "commit"]);
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn a_failure_has_its_sqlstate_and_no_value(test: TestDatabase) {
    let db = connect(&test).await;
    let (log, _listening) = Listener::begin();
    let all = || db.repository::<Town>();
    let failed = |span: &Span, state: &str| {
        assert_eq!((span.get("pgrepo.status"), span.get("otel.status_code")), ("error", "ERROR"));
        assert_eq!((span.get("error.type"), span.get("db.response.status_code")), (state, state));
        assert_eq!(span.held, 0);
    };
    all().insert(town(20, CANARY)).await.unwrap();
    log.take();
    // Its DETAIL holds the value.
    let error = all().insert(town(21, CANARY)).await.unwrap_err();
    assert!(error.detail().unwrap().contains(CANARY));
    failed(&log.one(), "23505");
    let error = all().copy_in([town(22, "x"), town(23, CANARY)]).await.unwrap_err();
    assert!(error.detail().unwrap().contains(CANARY));
    failed(&log.one(), "23505");
    all().merge([town(22, CANARY)]).execute().await.unwrap_err();
    failed(&log.one(), "23505");
    db.query("SELECT $1::int4 / 0").bind(1).fetch_one::<i32>().await.unwrap_err();
    failed(&log.one(), "22012");
    all().find(Town::NAME.eq(CANARY)).fetch_one().await.unwrap();
    log.take();
    let mut rows = db.query("SELECT 6 / (3 - n) FROM generate_series(1, 4) AS n").stream::<i32>().await.unwrap();
    while rows.next().await.is_ok_and(|row| row.is_some()) {}
    assert_eq!(log.last().get("error.type"), "22012", "at once");
    drop(rows);
    failed(&log.one(), "22012");

    // Without a word of the server's.
    all().find(Town::ID.eq(99)).fetch_one().await.unwrap_err();
    let span = log.one();
    assert_eq!((span.get("error.type"), span.get("db.response.status_code")), ("no_row", ""));
    all().copy_in([town(30, CANARY), town(31, "a\0b")]).await.unwrap_err();
    assert_eq!(log.one().get("error.type"), "encode");
    let rows = futures_util::stream::iter([Ok(town(32, CANARY)), Err(std::io::Error::other(CANARY))]);
    let rows = rows.map(|row| row.map_err(|_| Own));
    all().copy_in_try_stream(rows, pgrepo::CopyInOptions::default()).await.unwrap_err();
    assert_eq!(log.one().get("error.type"), "_OTHER");

    let filter = pgrepo::CopyInOptions::default().filter(Town::NAME.ne(CANARY));
    all().copy_in_with([town(40, CANARY), town(41, "b")], filter).await.unwrap();
    all().find(Town::NAME.eq(CANARY)).copy_out().await.unwrap().for_each(|_| Ok(())).await.unwrap();
    db.execute_script(&format!("SELECT '{CANARY}'")).await.unwrap();
    assert!(!log.holds(CANARY), "{:#?} {:#?}", log.take(), log.events());
    assert!(log.events().iter().any(|(target, _)| *target == "pgrepo::statement"));
}

/// An error of the source's own.
#[derive(Debug)]
struct Own;

impl From<Error> for Own {
    fn from(_: Error) -> Self {
        Self
    }
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn texts_are_told_on_request_and_without_values(test: TestDatabase) {
    let mut shown = config(&test.url(), "spans", 2);
    shown.trace_sql = true;
    let db = Db::connect(shown).await.unwrap();
    let (log, _listening) = Listener::begin();
    let all = || db.repository::<Town>();

    all().get(1).await.unwrap();
    let text = log.one().get("db.query.text").to_owned();
    assert!(text.starts_with("SELECT") && text.ends_with(r#"WHERE "id" = $1"#), "{text}");
    let filter = pgrepo::CopyInOptions::default().filter(Town::NAME.ne(CANARY));
    all().copy_in_with(towns(20..21), filter).await.unwrap();
    assert!(log.one().get("db.query.text").starts_with("COPY"));
    all().find(Town::NAME.ne(CANARY)).copy_out().await.unwrap().for_each(|_| Ok(())).await.unwrap();
    let text = log.one().get("db.query.text").to_owned();
    assert!(text.starts_with("COPY (SELECT") && text.contains("$1"), "{text}");
    db.execute_script("SELECT 'mine'").await.unwrap();
    assert_eq!(log.one().get("db.query.text"), "SELECT 'mine'");
    let texts: Vec<_> = log.events().iter().filter_map(|(_, event)| event.get("db.query.text").cloned()).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(!log.holds(CANARY), "{texts:?}");
    // Nor is the key of a lock.
    db.advisory_lock(424_242).await.unwrap().unlock().await.unwrap();
    assert!(!log.holds("424242") && !log.holds("424_242"));
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn repetitions_are_counted_in_the_span(test: TestDatabase) {
    let mut config = config(&test.url(), "spans", 2);
    config.retry = RetryConfig { first_delay: Duration::ZERO, ..RetryConfig::default() };
    let db = Db::connect(config.clone()).await.unwrap();
    let (log, _listening) = Listener::begin();
    let third = || db.query("SELECT third()").idempotent();
    third().fetch_one::<i64>().await.unwrap();
    let span = log.one();
    assert_eq!((span.get("pgrepo.attempts"), span.get("pgrepo.status")), ("3", "success"));
    third().stream::<i64>().await.unwrap().for_each(|_| Ok(())).await.unwrap();
    assert_eq!(log.one().get("pgrepo.attempts"), "3");

    let work = async |tx: &mut pgrepo::Tx| tx.query("SELECT third()").fetch_one::<i64>().await;
    db.transaction_with(TxOptions::default(), work).await.unwrap();
    let spans = log.take();
    assert_eq!((spans[0].get("db.operation.name"), spans[0].get("pgrepo.attempts")), ("transaction", "3"));
    let status: Vec<_> = spans.iter().filter(|span| span.get("db.operation.name") == "fetch_one").collect();
    assert_eq!(status.iter().map(|span| span.get("pgrepo.status")).collect::<Vec<_>>(), ["error", "error", "success"]);
    let again = |(_, event): &(&str, _)| super::listener::Texts::get(event, "message").cloned();
    let again = log.events().iter().filter_map(again).filter(|text| text.contains("run again")).count();
    assert_eq!(again, 6);

    config.retry = RetryConfig { attempts: 2, ..config.retry };
    let few = Db::connect(config).await.unwrap();
    log.take();
    few.query("SELECT third()").idempotent().fetch_one::<i64>().await.unwrap_err();
    let span = log.one();
    assert_eq!((span.get("pgrepo.attempts"), span.get("error.type")), ("2", "40001"));
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn what_is_dropped_half_way_is_cancelled(test: TestDatabase) {
    let db = connect(&test).await;
    let (log, _listening) = Listener::begin();
    let cancelled = |operation: &str| {
        let span = log.take().into_iter().last().unwrap();
        assert_eq!((span.get("db.operation.name"), span.get("pgrepo.status")), (operation, "cancelled"));
        assert_eq!((span.get("error.type"), span.held), ("", 0));
    };
    let slow = db.query("SELECT pg_sleep(60)").execute();
    slow.with_deadline(Duration::from_millis(100)).await.unwrap_err();
    cancelled("execute");
    let mut rows = db.repository::<Town>().all().stream().await.unwrap();
    rows.next().await.unwrap();
    drop(rows);
    cancelled("stream");
    let mut rows = db.repository::<Town>().copy_out().await.unwrap();
    rows.next().await.unwrap();
    drop(rows);
    cancelled("copy_out");
    let mut load = db.repository::<Town>().start_copy_in(pgrepo::CopyInOptions::default());
    load.send(&town(20, "x")).await.unwrap();
    drop(load);
    cancelled("copy_in");
    let mut load = db.repository::<Town>().start_copy_in(pgrepo::CopyInOptions::default());
    load.send(&town(20, "x")).await.unwrap();
    load.abort().await.unwrap();
    cancelled("copy_in");
    let work = async |_: &mut pgrepo::Tx| {
        std::future::pending::<()>().await;
        Ok::<_, Error>(())
    };
    db.transaction(work).with_deadline(Duration::from_millis(100)).await.unwrap_err();
    let spans = log.take();
    assert_eq!(spans[0].get("pgrepo.status"), "cancelled");
}

#[pgrepo::test(setup = "server/observe/towns.sql")]
async fn a_stream_is_in_its_span_only_while_it_is_polled(test: TestDatabase) {
    let db = connect(&test).await;
    let (log, _listening) = Listener::begin();
    let mut rows = pin!(db.repository::<Town>().all().stream().await.unwrap());
    let mut count = 0;
    loop {
        assert!(!log.is_within());
        let next = tokio::time::timeout(LONG, rows.next()).await.unwrap();
        let span = log.last();
        let Some(row) = next else {
            break;
        };
        row.unwrap();
        assert!(!log.is_within());
        count += 1;
        assert_eq!((span.get("pgrepo.status"), span.held > 0), ("", true), "it goes on");
    }
    let span = log.last();
    assert_eq!((count, span.get("pgrepo.rows"), span.get("pgrepo.status")), (10, "10", "success"));
    // As is any other operation. It waits, so that it cannot end at once.
    let mut locks = connect(&test).await.begin().await.unwrap();
    locks.execute_script("LOCK TABLE geo.towns IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let mut get = Box::pin(db.repository::<Town>().get(1));
    assert!(get.as_mut().now_or_never().is_none() && !log.is_within());
    locks.rollback().await.unwrap();
    get.await.unwrap();
}
