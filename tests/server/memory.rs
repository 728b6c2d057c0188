//! Memory that does not grow with the number of rows: measured in processes of their own, which are limited to 256 MiB.

#![cfg(target_os = "linux")]

use std::process::{Command, Output};
use std::time::Duration;

use futures_util::TryStreamExt;
use pgrepo::testkit::{Proxy, TestDatabase};
use pgrepo::{Db, PgTable};
use tests::memory;

use crate::lines::Generated;
use crate::support::proxy;

#[derive(Debug, Clone, PgTable, serde::Deserialize)]
#[pg(table = "many", unique = "id")]
struct Many {
    id: i64,
    score: f64,
    name: String,
}

const TABLE: &str = "CREATE TABLE many (id int8, score float8, name text)";
const SERIES: &str = "SELECT i::int8, 0.5::float8, 'row number ' || i FROM generate_series(1, $1::int8) i";
pub(crate) const LARGER: &str = "SELECT i::int8 AS id, 0.5::float8 AS score, repeat(md5(i::text), 256) AS name \
    FROM generate_series(1, $1::int8) i";
const URL: &str = "PGREPO_MEMORY_URL";
const WORK: &str = "PGREPO_MEMORY_WORK";
const ROWS: &str = "PGREPO_MEMORY_ROWS";

/// What the child process does; in the ordinary run, where it is given nothing to do, it does nothing.
#[test]
fn memory_of_a_child() {
    let Ok(url) = std::env::var(URL) else { return };
    let rows: i64 = std::env::var(ROWS).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    memory::limit().unwrap();
    let start = memory::peak().unwrap();
    runtime.block_on(async {
        let db = Db::from_url(&url).await.unwrap();
        let work = std::env::var(WORK).unwrap();
        match &*work {
            "copy_in" => {
                let source = (0..rows).map(|id| Many { id, score: 0.5, name: format!("row number {id}") });
                let report = db.repository::<Many>().copy_in(source).await.unwrap();
                assert_eq!(report.rows, u64::try_from(rows).unwrap());
            }
            "load" => {
                let source = (0..rows).map(|id| {
                    let score = if id % 10_000 == 7 { 2.0 } else { 0.5 };
                    Many { id, score, name: format!("row number {id}") }
                });
                let mut rejected = 0;
                let count = |_| {
                    rejected += 1;
                    Ok::<_, std::io::Error>(())
                };
                let report = db.repository::<Many>().load(source).to_sink(count).await.unwrap();
                assert_eq!((report.rows + rejected, rejected), (rows.unsigned_abs(), rows.unsigned_abs() / 10_000));
            }
            "merge" => {
                let source = (0..rows).map(|id| Many { id, score: 0.5, name: format!("row number {id}") });
                let report = db.repository::<Many>().merge_on(Many::UNIQUE_ID, source).execute().await.unwrap();
                assert_eq!(report.inserted + report.unchanged, u64::try_from(rows).unwrap());
            }
            "update" => {
                let source = (0..rows).map(|id| Many { id, score: 0.75, name: format!("row number {id}") });
                let report = db.repository::<Many>().update_many_on(Many::UNIQUE_ID, source).execute().await.unwrap();
                assert_eq!(report.updated + report.unchanged, u64::try_from(rows).unwrap());
            }
            "delete" => {
                let source = (0..rows).map(|id| Many { id, score: 0.0, name: String::new() });
                let report = db.repository::<Many>().delete_many_on(Many::UNIQUE_ID, source).execute().await.unwrap();
                assert_eq!(report.total(), u64::try_from(rows).unwrap());
            }
            "copy_out" => {
                let mut out = db.repository::<Many>().copy_out().await.unwrap();
                let mut read = 0;
                while let Some(row) = out.next().await.unwrap() {
                    read += 1;
                    slowly(row.id).await;
                }
                assert_eq!(read, rows);
            }
            "csv" | "ndjson" => {
                let many = db.repository::<Many>();
                let csv =
                    |id: i64| if id == 0 { "id,score,name\n".into() } else { format!("{id},0.5,row number {id}\n") };
                let json = |id: i64| format!("{{\"id\":{id},\"score\":0.5,\"name\":\"row number {id}\"}}\n");
                let options = pgrepo::CopyInOptions::default();
                let report = match &*work {
                    "csv" => {
                        let source = pgrepo::csv::read::<Many, _>(Generated::new(rows + 1, csv));
                        many.copy_in_try_stream(source, options).await.unwrap()
                    }
                    _ => {
                        let source = pgrepo::ndjson::read::<Many, _>(Generated::new(rows, json));
                        many.copy_in_try_stream(source, options).await.unwrap()
                    }
                };
                assert_eq!(report.rows, u64::try_from(rows).unwrap());
            }
            "raw" => {
                let series = db.query(SERIES).bind(rows);
                let report = series.copy_out_raw(&pgrepo::CopyFormat::csv(), &mut tokio::io::sink()).await.unwrap();
                assert_eq!(report.rows, u64::try_from(rows).unwrap());
            }
            "stream" => {
                let mut out = db.query(SERIES).bind(rows).stream::<(i64, f64, String)>().await.unwrap();
                let mut read = 0;
                while let Some((id, ..)) = out.next().await.unwrap() {
                    read += 1;
                    slowly(id).await;
                }
                assert_eq!(read, rows);
            }
            "chunks" => {
                let size = std::num::NonZeroUsize::new(1000).unwrap();
                let mut out = db.query(SERIES).bind(rows).stream::<(i64, f64, String)>().await.unwrap().chunks(size);
                let mut read = 0;
                while let Some(chunk) = out.next_chunk().await.unwrap() {
                    for (id, ..) in chunk {
                        read += 1;
                        slowly(id).await;
                    }
                }
                assert_eq!(read, rows);
            }
            "for_each" => {
                let out = db.query(SERIES).bind(rows).stream::<(i64, f64, &str)>().await.unwrap();
                let mut bytes = 0;
                let take = |(id, _, name): (i64, f64, &str)| {
                    bytes += name.len();
                    if is_slow(id) {
                        std::thread::sleep(PAUSE);
                    }
                    Ok(())
                };
                assert_eq!(out.for_each(take).await.unwrap(), u64::try_from(rows).unwrap());
                assert!(bytes > 0);
            }
            "map" => {
                let out = db.query(SERIES).bind(rows).stream::<(i64, f64, &str)>().await.unwrap();
                let mut out = out.map(|(id, _, name)| (id, name.to_owned()));
                let mut read = 0;
                while let Some((id, _)) = out.try_next().await.unwrap() {
                    read += 1;
                    slowly(id).await;
                }
                assert_eq!(read, rows);
            }
            // Rows of 8 KiB each, read on one connection and loaded on another.
            "larger" => {
                let out = db.query(LARGER).bind(rows).stream::<Many>().await.unwrap();
                let options = pgrepo::CopyInOptions::default();
                let report = db.repository::<Many>().copy_in_try_stream(out, options).await.unwrap();
                assert_eq!(report.rows, u64::try_from(rows).unwrap());
            }
            "larger at once" => drop(db.query(LARGER).bind(rows).fetch_all::<Many>().await.unwrap()),
            "collect" => {
                let sql = "SELECT i::int8 FROM generate_series(1, $1::int8) i";
                let all = db.query(sql).bind(rows).fetch_all::<i64>().await.unwrap();
                assert_eq!(i64::try_from(all.len()).unwrap(), rows);
            }
            other => panic!("{other}"),
        }
    });
    let peak = memory::peak().unwrap();
    assert!(peak - start <= 32 * 1024, "{start} KiB at the start, {peak} KiB at the peak");
    println!("peak {peak}");
}

/// A reader slower than the server: what comes meanwhile waits in the sockets.
async fn slowly(id: i64) {
    if is_slow(id) {
        tokio::time::sleep(PAUSE).await;
    }
}

const PAUSE: Duration = Duration::from_millis(1);

fn is_slow(id: i64) -> bool {
    id % 2000 == 0
}

/// The peak of a child that does some work on so many rows, in KiB.
pub(crate) async fn child(url: &str, work: &str, rows: i64) -> u64 {
    let output = output(url, work, rows).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let (_, peak) = text.split_once("peak ").unwrap();
    peak.lines().next().unwrap().parse().unwrap()
}

/// How a child ended.
pub(crate) async fn output(url: &str, work: &str, rows: i64) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["memory::memory_of_a_child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(URL, url).env(WORK, work).env(ROWS, rows.to_string());
    // One heap: which of several a thread takes changes from run to run.
    command.env("MALLOC_ARENA_MAX", "1");
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

const FEW: i64 = 100_000;
const MANY: i64 = 1_000_000;

async fn is_flat(url: &str, work: &str) {
    let (few, many) = (child(url, work, FEW).await, child(url, work, MANY).await);
    println!("{work}: {few} KiB at {FEW} rows, {many} KiB at {MANY}");
    assert!(few.abs_diff(many) <= 1024, "{work}: {few} KiB at {FEW} rows, {many} KiB at {MANY}");
}

/// A server behind a slow line: latency, and small pieces.
async fn slow(db: &TestDatabase) -> Proxy {
    let proxy = proxy(db).await;
    proxy.latency(Duration::from_millis(1));
    proxy.slice(Some(4096));
    proxy
}

#[pgrepo::test(sql = "CREATE TABLE many (id int8, score float8, name text)")]
async fn memory_of_a_load_is_flat(db: TestDatabase) {
    is_flat(&db.url(), "copy_in").await;
    is_flat(&slow(&db).await.url(db.name()), "copy_in").await;
}

#[pgrepo::test(sql = "CREATE TABLE many (id int8, score float8 CHECK (score < 1), name text)")]
async fn memory_of_a_load_with_rejects_is_flat(db: TestDatabase) {
    is_flat(&db.url(), "load").await;
}

#[pgrepo::test(sql = "CREATE TABLE many (id int8, score float8, name text)")]
async fn memory_of_lines_in_and_out_is_flat(db: TestDatabase) {
    for work in ["csv", "ndjson", "raw"] {
        is_flat(&db.url(), work).await;
    }
}

#[pgrepo::test(sql = "CREATE UNLOGGED TABLE many (id int8 UNIQUE, score float8, name text)")]
async fn memory_of_a_merge_is_flat(db: TestDatabase) {
    for work in ["merge", "update", "delete"] {
        is_flat(&db.url(), work).await;
    }
}

#[pgrepo::test]
async fn memory_of_a_copy_out_is_flat(db: TestDatabase) {
    let fill = Db::from_url(&db.url()).await.unwrap();
    let mut peaks = Vec::new();
    for rows in [FEW, MANY] {
        fill.execute_script(&format!("DROP TABLE IF EXISTS many; {TABLE}")).await.unwrap();
        let source = (0..rows).map(|id| Many { id, score: 0.5, name: format!("row number {id}") });
        fill.repository::<Many>().copy_in(source).await.unwrap();
        peaks.push(child(&db.url(), "copy_out", rows).await);
    }
    println!("copy_out: {peaks:?} KiB at {FEW} and {MANY} rows");
    assert!(peaks[0].abs_diff(peaks[1]) <= 1024, "{peaks:?}");
}

#[pgrepo::test]
async fn memory_of_a_stream_is_flat_and_the_measure_sees_what_is_not(db: TestDatabase) {
    for work in ["stream", "chunks", "for_each", "map"] {
        is_flat(&db.url(), work).await;
    }
    let (few, many) = (child(&db.url(), "collect", FEW).await, child(&db.url(), "collect", MANY).await);
    assert!(many > few + 4096, "what is collected shows: {few} and {many} KiB");
}
