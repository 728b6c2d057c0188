//! How a merge ends before its time, whether it goes on past bad rows or not, and what is no table to merge into.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt, stream};
use pgrepo::testkit::{Cut, Message, TestDatabase};
use pgrepo::{Db, Error, ErrorKind, FaultClass, MergeReport, PgTable, Rejected, Result, SourceError, WithDeadline};

use super::ends::rows;
use super::{PARCEL, Parcel, parcel, received, set_up, stored};
use crate::support::{Direct, DropAt, LONG, config, pool, proxy};

/// Something that never comes, after some rows.
fn silent() -> impl Stream<Item = Parcel> {
    stream::iter((0..25).map(parcel)).chain(stream::pending())
}

const LIMIT: Duration = Duration::from_millis(300);

#[pgrepo::test]
async fn a_source_that_never_ends_is_bounded(db: Db) {
    set_up(&db).await;
    let parcels = db.repository::<Parcel>();
    for error in [
        parcels.merge_stream(silent()).execute().with_deadline(LIMIT).await.unwrap_err(),
        parcels.merge_stream(silent()).fetch_all().with_deadline(LIMIT).await.unwrap_err(),
        parcels.merge((0..).map(parcel)).execute().with_deadline(LIMIT).await.unwrap_err(),
        parcels.update_many_stream(silent()).execute().with_deadline(LIMIT).await.unwrap_err(),
        parcels.delete_many_stream(silent().map(|row| row.id)).execute().with_deadline(LIMIT).await.unwrap_err(),
        parcels.copy_in_stream(silent()).with_deadline(LIMIT).await.unwrap_err(),
        parcels.copy_in((0..).map(parcel)).with_deadline(LIMIT).await.unwrap_err(),
        parcels.merge_stream(silent()).tolerant().collect().with_deadline(LIMIT).await.unwrap_err(),
    ] {
        assert!(error.is_timeout(), "{error:?}");
    }
    for (each, error) in [
        (10, parcels.merge_stream(silent()).tolerant().batch_rows(10).time_limit(LIMIT).collect().await.unwrap_err()),
        (1 << 20, parcels.merge((0..).map(parcel)).tolerant().time_limit(LIMIT).collect().await.unwrap_err()),
    ] {
        assert_eq!((error.kind(), error.operation().is_some()), (ErrorKind::Timeout, true), "{each}: {error:?}");
        assert_eq!(error.committed().map(|committed| committed.batches), Some(0), "{error:?}");
    }
    assert!(stored(&db).await.is_empty());
    db.ping().await.unwrap();
}

/// The panic of a source goes through a merge of all or nothing, and ends a tolerant one by an error.
#[pgrepo::test]
async fn a_source_that_panics_stores_nothing(db: TestDatabase) {
    Direct::to(&db).await.run(PARCEL).await;
    let ours = pool(&db.url(), "panics", 1).await;
    let parcels = ours.repository::<Parcel>();
    let source = || {
        let rows = stream::iter((0..100).map(parcel));
        rows.inspect(|row| assert!(row.id < 60, "the source is broken"))
    };
    async fn panics<T>(load: impl Future<Output = Result<T>>) {
        let panic = AssertUnwindSafe(load).catch_unwind().await.err().expect("it panics");
        let told = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let told = told.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap();
        assert_eq!(told, "the source is broken");
    }
    panics(parcels.merge_stream(source()).execute()).await;
    panics(parcels.merge_stream(source()).fetch_all()).await;
    panics(parcels.copy_in_stream(source())).await;
    let error = parcels.merge_stream(source()).tolerant().batch_rows(10).collect().await.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Copy, Some(60)), "{error:?}");
    assert!(error.to_string().contains("the source panicked, so the load ends: the source is broken"), "{error}");
    let failing = source().take(40).map(Ok).chain(stream::iter([Err(SourceError::end("the disk is gone"))]));
    let error = parcels.merge_try_stream(failing.map(|row| row.map_err(Gone::from))).tolerant().collect().await;
    assert!(error.unwrap_err().to_string().contains("the source failed"), "it says so");
    assert!(stored(&ours).await.is_empty());
    ours.ping().await.unwrap();
}

/// An error of a source, into which ours fits.
#[derive(Debug)]
struct Gone(SourceError);

impl From<SourceError> for Gone {
    fn from(error: SourceError) -> Self {
        Self(error)
    }
}

impl From<Error> for Gone {
    fn from(error: Error) -> Self {
        Self(SourceError::from(error))
    }
}

impl From<Gone> for SourceError {
    fn from(error: Gone) -> Self {
        error.0
    }
}

/// Rows of which some are there, so that all sorts of statements are sent.
async fn half(direct: &mut Direct) {
    direct.run("DELETE FROM parcel WHERE id >= 0").await;
    direct
        .run(
            "INSERT INTO parcel SELECT i, 'c' || i, 'old', 1, 1, '', 0, '{}', 1, 1, i, NULL, '' \
             FROM generate_series(0, 19) AS i",
        )
        .await;
}

const OLD: &str = "SELECT count(*) FROM parcel WHERE name = 'old'";
const ALL: &str = "SELECT count(*) FROM parcel WHERE id >= 0";

/// 40 rows, 20 of which are there, and 4 of which are bad: two are refused as they come, and two by the table.
fn mixed() -> impl Iterator<Item = Parcel> {
    rows(40).map(|row| if row.id % 20 == 19 { Parcel { amount: 0, ..parcel(row.id) } } else { row })
}

async fn merge(db: &Db) -> Result<(MergeReport, Vec<Rejected<Parcel>>)> {
    db.repository::<Parcel>().merge(mixed()).tolerant().batch_rows(15).collect().await
}

#[pgrepo::test]
async fn fault_02_every_await_of_a_tolerant_merge_can_be_the_last(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(PARCEL).await;
    let proxy = proxy(&db).await;
    proxy.latency(Duration::from_millis(1));
    let ours = pool(&proxy.url(db.name()), "merged", 1).await;
    let mut dropped = 0;
    for pending in 1.. {
        half(&mut direct).await;
        let done = DropAt::new(merge(&ours), pending).await;
        direct.at_rest("merged", 1).await;
        let there = (direct.one::<i64>(OLD).await, direct.one::<i64>(ALL).await);
        assert!(there == (20, 20) || there == (2, 38), "{there:?} at {pending}");
        dropped += u32::from(there == (20, 20));
        if let Some(done) = done {
            let (report, rejects) = done.unwrap();
            assert_eq!((report.inserted, report.updated, rejects.len(), there), (18, 18, 4, (2, 38)));
            break;
        }
    }
    assert!(dropped > 20, "it was dropped at {dropped} points only");
}

#[pgrepo::test]
async fn fault_21_a_tolerant_merge_whose_connection_breaks_tells_the_truth(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(PARCEL).await;
    let proxy = proxy(&db).await;
    let mut settings = config(&proxy.url(db.name()), "cut", 2);
    settings.retry = pgrepo::RetryConfig::off();
    (settings.acquire_timeout, settings.connect_timeout) = (Duration::from_secs(1), Duration::from_secs(1));
    let ours = Db::connect(settings).await.unwrap();
    let sql = |text: &str| Message::Sql(text.into());
    // Wherever it breaks before COMMIT, nothing is stored, and that is known.
    for cut in [
        Cut::before(Message::Type(b'd')),
        Cut { nth: 3, ..Cut::before(Message::Type(b'd')) },
        Cut::before(sql("SELECT pg_catalog.pg_advisory_xact_lock(")),
        Cut { nth: 2, ..Cut::before(sql("SELECT pg_catalog.pg_advisory_xact_lock(")) },
        Cut { nth: 3, ..Cut::before(sql("INSERT INTO \"parcel\"")) },
        Cut::before(sql("UPDATE \"parcel\"")),
        Cut { nth: 6, ..Cut::after(sql("ROLLBACK TO SAVEPOINT pgrepo_batch")) },
        Cut::before(sql("COMMIT")),
    ] {
        half(&mut direct).await;
        let shown = format!("{cut:?}");
        proxy.cut(cut);
        let error = merge(&ours).with_deadline(LONG).await.unwrap_err();
        assert_eq!(error.fault_class(), FaultClass::RolledBack, "{shown}: {error:?}");
        assert!(error.is_retryable() && error.committed().is_some_and(|c| c.batches == 0 && !c.unknown), "{error:?}");
        direct.at_rest("cut", 2).await;
        assert_eq!((direct.one::<i64>(OLD).await, direct.one::<i64>(ALL).await), (20, 20), "{shown}");
        proxy.heal();
    }
    // It was committed, and the server is asked.
    half(&mut direct).await;
    proxy.cut(Cut::after(sql("COMMIT")));
    let (report, rejects) = merge(&ours).with_deadline(LONG).await.unwrap();
    assert_eq!((report.inserted, report.updated, rejects.len()), (18, 18, 4));
    assert_eq!((direct.one::<i64>(OLD).await, direct.one::<i64>(ALL).await), (2, 38));
    proxy.heal();
    // Nobody can be asked.
    half(&mut direct).await;
    proxy.cut(Cut::after(sql("COMMIT")));
    let source = mixed().inspect(|row| proxy.close_new(row.id > 5));
    let merge = ours.repository::<Parcel>().merge(source).tolerant().collect();
    let error = merge.with_deadline(LONG).await.unwrap_err();
    assert_eq!((error.fault_class(), error.is_retryable()), (FaultClass::Indeterminate, false), "{error:?}");
    assert!(error.committed().unwrap().unknown && error.tx_id().is_some(), "{error:?}");
}

#[pgrepo::test]
async fn its_rejects_go_where_those_of_a_load_go(db: Db) {
    set_up(&db).await;
    let parcels = db.repository::<Parcel>();
    let (sender, receiver) = tokio::sync::mpsc::channel::<Rejected<Parcel>>(1);
    let (report, told) = tokio::join!(parcels.merge(rows(40)).tolerant().to_channel(sender), received(receiver));
    assert_eq!((report.unwrap().rejected, told), (4, vec![9, 19, 29, 39]));
    let error = parcels.merge(rows(40)).tolerant().max_reject_share(0.09).collect().await.unwrap_err();
    assert!(error.to_string().contains("4 of 40 rows were rejected, a larger share than 0.09"), "{error}");
    let error = parcels.merge(rows(40)).tolerant().max_rejects(3).collect().await.unwrap_err();
    assert_eq!(error.row(), Some(39), "{error:?}");
    let (report, _) = parcels.merge(rows(40)).tolerant().max_reject_share(0.1).collect().await.unwrap();
    assert_eq!((report.unchanged, report.rejected), (36, 4));
    let (report, rejects) = parcels.merge([] as [Parcel; 0]).tolerant().collect().await.unwrap();
    assert_eq!((report, rejects.len()), (MergeReport::default(), 0));
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "gauge", new = "NewGauge", unique = "code")]
struct Gauge {
    #[pg(primary_key, identity)]
    id: i64,
    code: Option<String>,
    zone: i32,
}

const GAUGE: &str = "CREATE TABLE gauge (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text UNIQUE, \
                     zone int4 NOT NULL CHECK (zone > 0))";

fn gauge(id: i64, code: Option<&str>, zone: i32) -> Gauge {
    Gauge { id, code: code.map(Into::into), zone }
}

fn sums(report: MergeReport) -> [u64; 4] {
    [report.inserted, report.updated, report.unchanged, report.rejected]
}

#[pgrepo::test]
async fn keys_that_are_null_numbered_elsewhere_or_in_partitions(db: Db) {
    db.execute_script(&format!("{GAUGE}; CREATE SCHEMA s; SET LOCAL search_path = s; {GAUGE}")).await.unwrap();
    let gauges = db.repository::<Gauge>();
    // By an identity column, whose numbers are the rows' own.
    let rows = [gauge(7, Some("a"), 1), gauge(8, Some("b"), 0), gauge(9, Some("a"), 1)];
    let (report, rejects) = gauges.merge(&rows).tolerant().collect().await.unwrap();
    assert_eq!((sums(report), rejects[0].index, rejects[1].index), ([1, 0, 0, 2], 1, 2), "{rejects:?}");
    assert_eq!(gauges.all().fetch_all().await.unwrap(), rows[..1]);
    // A key that is NULL stands for no row.
    let rows = [gauge(0, Some("a"), 2), gauge(0, None, 1), gauge(0, Some("c"), 3)];
    let (report, rejects) =
        gauges.in_schema("s").merge_on(Gauge::UNIQUE_CODE, &rows).tolerant().collect().await.unwrap();
    assert_eq!((sums(report), rejects.len()), ([2, 0, 0, 1], 1));
    let told = (rejects[0].index, rejects[0].field(), rejects[0].sqlstate().unwrap().as_str().to_owned());
    assert_eq!(told, (1, Some("code"), "23502".to_owned()));
    assert_eq!(gauges.all().count().await.unwrap(), 1, "the other schema's table is as it was");
    db.execute_script(
        "DROP TABLE gauge; \
         CREATE TABLE gauge (id int8 GENERATED BY DEFAULT AS IDENTITY, code text, zone int4 CHECK (zone > 0), PRIMARY KEY (id)) \
         PARTITION BY RANGE (id); \
         CREATE TABLE low PARTITION OF gauge FOR VALUES FROM (0) TO (10); \
         CREATE TABLE high PARTITION OF gauge FOR VALUES FROM (10) TO (20); INSERT INTO gauge VALUES (1, 'x', 1)",
    )
    .await
    .unwrap();
    let rows = [gauge(1, None, 2), gauge(12, None, 1), gauge(13, None, 0), gauge(99, None, 1)];
    let (report, rejects) = gauges.merge(&rows).tolerant().collect().await.unwrap();
    assert_eq!(sums(report), [1, 1, 0, 2], "{rejects:?}");
    let indices: Vec<u64> = rejects.iter().map(|reject| reject.index).collect();
    assert_eq!(indices, [2, 3], "the last one fits into no partition");
}

/// A merge that goes on past bad rows is refused as one that does not where it is no row's fault.
#[pgrepo::test]
async fn what_is_no_row_s_fault_ends_it(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(GAUGE).await;
    direct.run("CREATE VIEW shown AS SELECT * FROM gauge").await;
    let role = format!("{}_merger", db.name());
    direct.run(&format!("REVOKE TEMPORARY ON DATABASE \"{}\" FROM PUBLIC", db.name())).await;
    direct.run(&format!("CREATE ROLE \"{role}\"; GRANT SELECT ON gauge TO \"{role}\"")).await;
    let ours = pool(&db.url(), "merger", 1).await;
    let as_role = async || {
        let mut tx = ours.begin().await.unwrap();
        tx.execute_script(&format!("SET LOCAL ROLE \"{role}\"")).await.unwrap();
        let merge = tx.repository::<Gauge>().merge([gauge(1, None, 1)]).tolerant();
        let error = merge.collect().await.unwrap_err();
        tx.execute_script("SELECT 1").await.expect("the transaction goes on");
        tx.rollback().await.unwrap();
        assert_eq!((error.kind(), error.sqlstate().unwrap().as_str()), (ErrorKind::Copy, "42501"), "{error:?}");
        error.to_string()
    };
    let told = as_role().await;
    assert!(told.contains("a merge takes SELECT, INSERT and UPDATE on the table"), "{told}");
    direct.run(&format!("GRANT INSERT, UPDATE ON gauge TO \"{role}\"")).await;
    let told = as_role().await;
    assert!(told.contains("GRANT TEMPORARY ON DATABASE"), "{told}");
    direct.run(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"")).await;
    let error = ours.repository::<Shown>().merge([Shown { id: 1, zone: 1 }]).tolerant().collect().await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("and this is none")), (ErrorKind::Mismatch, true), "{error}");
    direct.run("ALTER TABLE gauge DROP CONSTRAINT gauge_code_key").await;
    let merge = ours.repository::<Gauge>().merge_on(Gauge::UNIQUE_CODE, [gauge(1, None, 1)]).tolerant();
    let error = merge.collect().await.unwrap_err();
    assert!(error.to_string().contains("no unique constraint or index on just these columns (code)"), "{error}");
    direct.run("DROP VIEW shown; DROP TABLE gauge").await;
    let error = ours.repository::<Gauge>().merge([gauge(1, None, 1)]).tolerant().collect().await.unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Mismatch, Some("gauge")), "{error:?}");
}

#[derive(Debug, PgTable)]
#[pg(table = "shown")]
struct Shown {
    #[pg(primary_key)]
    id: i64,
    zone: i32,
}

/// A constraint that is deferred in the caller's transaction is checked, and deferred again.
#[pgrepo::test]
async fn deferred_constraints_of_the_caller_s_transaction(db: Db) {
    set_up(&db).await;
    let mut tx = db.begin().await.unwrap();
    let source = (0..6).map(|id| match id {
        // Nobody of the number is there: the reference is checked at the end of a transaction only.
        3 => Parcel { second: 777, ..parcel(id) },
        4 => Parcel { rank: 0, ..parcel(id) },
        _ => parcel(id),
    });
    let (report, rejects) = tx.repository::<Parcel>().merge(source).tolerant().collect().await.unwrap();
    let told: Vec<_> = rejects.iter().map(|reject| (reject.index, reject.constraint().unwrap_or(""))).collect();
    assert_eq!(told, [(3, "parcel_second_fkey"), (4, "parcel_rank_key")], "{rejects:?}");
    assert_eq!(report.inserted, 4);
    tx.query("UPDATE parcel SET rank = 1 WHERE id = 0").execute().await.expect("it is deferred again");
    tx.query("UPDATE parcel SET rank = 0 WHERE id = 1").execute().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await, [0, 1, 2, 5]);
}
