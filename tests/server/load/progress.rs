//! How far a load is, told while it runs.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyInOptions, Db, Error, ErrorKind, LoadPhase, LoadProgress, Progress, Result};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{LINE, Line, line, lines};
use crate::support::{Direct, LONG, pool};

const OFTEN: Duration = Duration::from_millis(10);

fn channel() -> (Progress, watch::Receiver<LoadProgress>) {
    let (progress, seen) = Progress::channel();
    (progress.with_interval(OFTEN), seen)
}

async fn set_up(db: &TestDatabase) -> (Db, Direct) {
    let mut direct = Direct::to(db).await;
    direct.run(LINE).await;
    (pool(&db.url(), "progress", 1).await, direct)
}

/// Whether the server tells how far a COPY is: from version 14 on.
fn counts(db: &TestDatabase) -> bool {
    db.server().major() >= 14
}

/// Waits until what is told is so.
async fn until(
    seen: &mut watch::Receiver<LoadProgress>,
    what: &str,
    is: impl FnMut(&LoadProgress) -> bool,
) -> LoadProgress {
    let told = timeout(LONG, seen.wait_for(is)).await.unwrap_or_else(|_| panic!("not told within {LONG:?}: {what}"));
    told.unwrap_or_else(|_| panic!("over before {what}")).clone()
}

/// Waits until nobody can tell anything any more: the load is gone, and the task that asks the server with it.
async fn gone(mut seen: watch::Receiver<LoadProgress>) -> LoadProgress {
    timeout(LONG, async { while seen.changed().await.is_ok() {} }).await.expect("nobody tells any more");
    seen.borrow().clone()
}

/// So many rows, then a pause until it is told to go on, then so many again.
fn paused(rows: i32) -> (impl Stream<Item = Result<Line>> + Send, oneshot::Sender<()>) {
    let (go_on, wait) = oneshot::channel();
    let pause = stream::once(wait).filter_map(async |_| None);
    (stream::iter(lines(rows)).chain(pause).chain(stream::iter(lines(rows))).map(Ok), go_on)
}

fn spawn(
    db: &Db,
    rows: impl Stream<Item = Result<Line>> + Send + 'static,
    options: CopyInOptions,
) -> JoinHandle<Result<pgrepo::CopyReport>> {
    let db = db.clone();
    tokio::spawn(async move { db.repository::<Line>().copy_in_try_stream::<_, _, Error>(rows, options).await })
}

#[pgrepo::test]
async fn a_load_that_waits_for_a_lock_says_whom_it_waits_for(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db).await;
    direct.run("BEGIN; LOCK TABLE line IN ACCESS EXCLUSIVE MODE").await;
    let holder: i32 = direct.one("SELECT pg_backend_pid()").await;
    let (progress, mut seen) = channel();
    let load = spawn(&ours, stream::iter(lines(10).map(Ok)), CopyInOptions::default().progress(progress));
    let told = until(&mut seen, "what it waits for", |now| now.waiting_for.is_some()).await;
    let wait = told.waiting_for.clone().unwrap();
    assert_eq!((&*wait.on, &*wait.sessions), ("relation", &[holder][..]));
    assert_eq!((told.phase, told.rows_sent), (LoadPhase::Starting, 0));
    assert!(told.to_string().contains(&format!("waits for a lock (relation) of session {holder}")), "{told}");
    direct.run("COMMIT").await;
    assert_eq!(load.await.unwrap().unwrap().rows, 10);
    let last = gone(seen).await;
    assert_eq!((last.phase, last.rows_stored, last.waiting_for), (LoadPhase::Stored, 10, None));
}

#[pgrepo::test]
async fn the_server_s_count_is_told_while_the_source_pauses_and_the_end_has_the_totals(db: TestDatabase) {
    let (ours, _direct) = set_up(&db).await;
    let (progress, mut seen) = channel();
    let (rows, go_on) = paused(50_000);
    let options = CopyInOptions::default().expected_rows(100_000).progress(progress).filter(Line::PART.ne(3));
    let load = spawn(&ours, rows, options);
    let counts = counts(&db);
    let told = until(&mut seen, "rows that are sent, and those of the server", |now| match &now.server {
        Some(server) => server.rows_processed > 1000 && server.rows_excluded > 0,
        None => !counts && now.rows_sent > 1000,
    })
    .await;
    assert_eq!(told.server.is_some(), counts, "{told:?}");
    if let Some(server) = &told.server {
        assert!(server.rows_processed < 50_000 && server.rows_excluded == 1, "{server:?}");
        assert!(server.bytes_processed > 10_000 && server.bytes_processed <= told.bytes_sent, "{told:?}");
    }
    assert_eq!(told.phase, LoadPhase::Sending);
    assert!(told.rows_sent <= 50_000 && told.share().unwrap() <= 0.5, "{told:?}");
    assert!(told.rows_per_second() > 0.0 && told.estimate().is_some(), "{told:?}");
    assert!(told.to_string().contains(" % of 100000 rows"), "{told}");
    go_on.send(()).unwrap();
    let report = load.await.unwrap().unwrap();
    assert_eq!((report.rows, report.skipped), (99_998, 2));
    let last = gone(seen).await;
    assert!(last.phase.is_over() && last.phase == LoadPhase::Stored, "{last:?}");
    assert_eq!((last.rows_sent, last.rows_stored, last.bytes_sent), (100_000, 99_998, report.bytes));
    assert_eq!((last.share(), last.estimate()), (Some(1.0), Some(Duration::ZERO)));
    assert!(last.to_string().contains("stored 99998 in "), "{last}");
}

#[pgrepo::test]
async fn a_control_connection_that_breaks_is_made_anew_and_the_load_goes_on(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db).await;
    let (progress, seen) = channel();
    let (rows, go_on) = paused(10_000);
    let load = spawn(&ours, rows, CopyInOptions::default().progress(progress));
    let control = "FROM pg_stat_activity WHERE application_name = 'progress (control)'";
    direct.within(LONG, "a control connection", &format!("SELECT count(*) = 1 {control}")).await;
    let first: i32 = direct.one(&format!("SELECT pid {control}")).await;
    direct.run(&format!("SELECT pg_terminate_backend({first})")).await;
    direct
        .within(LONG, "another control connection", &format!("SELECT count(*) = 1 {control} AND pid <> {first}"))
        .await;
    go_on.send(()).unwrap();
    assert_eq!(load.await.unwrap().unwrap().rows, 20_000);
    assert_eq!(gone(seen).await.rows_stored, 20_000);
}

#[pgrepo::test]
async fn nobody_is_asked_where_nobody_wants_to_know_and_nothing_after_the_end(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db).await;
    ours.repository::<Line>().copy_in(lines(1000)).await.unwrap();
    assert_eq!(direct.sessions("progress").await, 1, "there is no control connection");

    // The receiver is gone: the load is none the worse.
    let (progress, seen) = channel();
    drop(seen);
    ours.repository::<Line>().copy_in_with(lines(10), CopyInOptions::default().progress(progress)).await.unwrap();

    let (progress, mut seen) = channel();
    let (rows, _go_on) = paused(10_000);
    let load = spawn(&ours, rows, CopyInOptions::default().progress(progress));
    let counts = counts(&db);
    until(&mut seen, "rows", |now| now.server.is_some() || !counts && now.rows_sent > 0).await;
    load.abort();
    let last = gone(seen).await;
    assert_eq!((last.phase, last.rows_stored), (LoadPhase::Failed, 0));
    direct.at_rest("progress", 1).await;
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, 1010);
}

#[pgrepo::test]
async fn a_load_that_fails_says_so_and_the_next_one_begins_anew(db: TestDatabase) {
    let (ours, _direct) = set_up(&db).await;
    let (progress, seen) = channel();
    let options = CopyInOptions::default().progress(progress.clone());
    let bad = Line { text: Some("a\0b".to_owned()), ..line(0) };
    let rows = lines(5_000).chain([bad]);
    let error = ours.repository::<Line>().copy_in_with(rows, options.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    let told = seen.borrow().clone();
    assert_eq!((told.phase, told.rows_stored), (LoadPhase::Failed, 0));
    assert!(told.rows_sent > 0 && told.rows_sent < 5_000 && told.to_string().contains("failed after"), "{told}");
    // In a transaction too, with the same ends.
    let mut tx = ours.begin().await.unwrap();
    tx.repository::<Line>().copy_in_with(lines(10), options).await.unwrap();
    let told = seen.borrow().clone();
    assert_eq!((told.phase, told.rows_sent, told.rows_stored), (LoadPhase::Stored, 10, 10));
    tx.commit().await.unwrap();
}
