//! Loads a million generated rows from a stream in flat memory; another number can be given on the command line.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{Stream, StreamExt, stream};
use pgrepo::{Db, PgTable};

#[derive(PgTable)]
#[pg(schema = "pgrepo_bulk_load", table = "readings")]
struct Reading {
    #[pg(primary_key)]
    id: i64,
    sensor: i32,
    at: DateTime<Utc>,
    value: f64,
    note: Option<String>,
}

const CREATE: &str = "DROP SCHEMA IF EXISTS pgrepo_bulk_load CASCADE; \
    CREATE SCHEMA pgrepo_bulk_load; \
    CREATE TABLE pgrepo_bulk_load.readings \
        (id int8 PRIMARY KEY, sensor int4 NOT NULL, at timestamptz NOT NULL, value float8 NOT NULL, note text)";

/// The rows 1 to `count`, each made when it is asked for.
fn readings(count: i64) -> impl Stream<Item = Reading> {
    let start = DateTime::UNIX_EPOCH;
    stream::iter(1..=count).map(move |id| {
        let note = (id % 4 == 0).then(|| format!("every fourth has a note: {id}"));
        // Quarters have an exact sum.
        let value = f64::from(u8::try_from(id % 100).unwrap_or_default()) / 4.0;
        Reading { id, sensor: 7, at: start + TimeDelta::seconds(id), value, note }
    })
}

#[tokio::main]
async fn main() -> examples::Result<()> {
    let count: i64 = std::env::args().nth(1).map_or(Ok(1_000_000), |n| n.parse())?;
    let (db, _server) = examples::database("pgrepo_bulk_load", CREATE).await?;
    let before = examples::peak_memory();
    let start = Instant::now();
    let report = db.repository::<Reading>().copy_in_stream(readings(count)).await?;
    let seconds = start.elapsed().as_secs_f64();

    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let (rows, megabytes) = (report.rows as f64, report.bytes as f64 / 1e6);
    println!("{:.2} s, {:.0} rows/s, {:.1} MB/s", seconds, rows / seconds, megabytes / seconds);
    if let (Some(before), Some(after)) = (before, examples::peak_memory()) {
        println!("peak memory of this process: {before} kB before the load, {after} kB after it");
    }
    verify(&db, count).await
}

/// Compares what the server counts and sums with what must come out.
async fn verify(db: &Db, count: i64) -> examples::Result<()> {
    let sql = "SELECT count(*), coalesce(sum(id), 0)::int8, count(note), \
        coalesce(sum(extract(epoch FROM at)), 0)::int8 FROM pgrepo_bulk_load.readings";
    let stored: (i64, i64, i64, i64) = db.query(sql).fetch_one().await?;
    let sum = count * (count + 1) / 2;
    let expected = (count, sum, count / 4, sum);
    if stored != expected {
        return Err(format!("the table holds {stored:?} and not {expected:?}").into());
    }
    println!("stored {count} rows, sum of ids {sum}, {} notes: as computed", count / 4);
    Ok(())
}
