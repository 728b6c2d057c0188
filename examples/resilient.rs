//! Keeps working while its server is killed and restarted under it, and counts what that cost.
//!
//! It writes a batch of rows in a transaction, again and again. Meanwhile the (private) server is stopped as if it
//! crashed, restarted in order, and one of its processes is killed. A batch whose outcome pgrepo could not find out is
//! asked for by its key before it is repeated. At the end the server must hold every batch that was acknowledged, once.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use pgrepo::testkit::{Server, ServerOptions, StopMode};
use pgrepo::{Db, DbConfig, FaultClass, PgTable};
use tokio::time::sleep;

#[derive(PgTable)]
#[pg(table = "events")]
struct Event {
    #[pg(primary_key)]
    batch: i64,
    #[pg(primary_key)]
    line: i32,
    text: String,
}

const CREATE: &str = "CREATE TABLE events (batch int8, line int4, text text NOT NULL, PRIMARY KEY (batch, line))";
const LINES: i32 = 50;

fn batch(number: i64) -> impl Iterator<Item = Event> {
    (0..LINES).map(move |line| Event { batch: number, line, text: format!("line {line} of batch {number}") })
}

/// What the loop saw.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: i64,
    not_stored: u64,
    unknown: u64,
    longest_gap: Duration,
}

/// Stores one batch after the other until it is told to stop.
async fn work(db: Db, stop: tokio::sync::watch::Receiver<bool>) -> pgrepo::Result<Seen> {
    let mut seen = Seen::default();
    let mut last = Instant::now();
    while !*stop.borrow() {
        let number = seen.acknowledged;
        match store(&db, number).await {
            Ok(()) => {
                seen.acknowledged += 1;
                seen.longest_gap = seen.longest_gap.max(last.elapsed());
                last = Instant::now();
            }
            Err(error) if error.fault_class() == FaultClass::Indeterminate => {
                println!("  batch {number}, unknown: {error}");
                seen.unknown += 1;
                // The key tells, once the server answers again.
                let there = loop {
                    match db.repository::<Event>().get((number, 0)).await {
                        Ok(found) => break found.is_some(),
                        Err(_) => sleep(Duration::from_millis(50)).await,
                    }
                };
                seen.acknowledged += i64::from(there);
            }
            Err(error) if error.fault_class().may_repeat(false) => {
                if seen.not_stored % 10 == 0 {
                    println!("  batch {number}, not stored: {error}");
                }
                seen.not_stored += 1;
                sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}

/// A load is a transaction of its own: a COMMIT whose answer is lost is found out about.
async fn store(db: &Db, number: i64) -> pgrepo::Result<()> {
    db.repository::<Event>().copy_in(batch(number)).await.map(drop)
}

#[tokio::main]
async fn main() -> examples::Result<ExitCode> {
    let server = Server::start(ServerOptions::private()).await?;
    println!("server: PostgreSQL {}, started for this run and removed after it", server.version());
    let config = DbConfig::from_url(&server.url("postgres"))?.with_max_connections(4);
    let db = Db::connect(config).await?;
    db.execute_script(CREATE).await?;

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let loops = tokio::spawn(work(db.clone(), stopped));
    let second = Duration::from_secs(1);
    sleep(second).await;
    println!("the server crashes, and is started again after a second");
    server.stop(StopMode::Immediate).await?;
    sleep(second).await;
    server.start_again().await?;
    sleep(second).await;
    println!("one of its processes is killed, so that it ends all sessions and recovers");
    let pid = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgrepo' AND pid <> pg_backend_pid() LIMIT 1";
    let other = Db::connect(DbConfig::from_url(&server.url("postgres"))?.with_max_connections(1)).await?;
    if let Some(pid) = other.query(pid).fetch_optional::<i32>().await? {
        server.kill_backend(pid).await?;
    }
    sleep(second).await;
    println!("it is restarted in order");
    server.restart(StopMode::Fast).await?;
    sleep(second).await;
    stop.send_replace(true);
    let seen = loops.await??;

    println!(
        "{} batches acknowledged, {} attempts that stored nothing, {} of unknown outcome; the longest time without a batch \
         was {:?}",
        seen.acknowledged, seen.not_stored, seen.unknown, seen.longest_gap
    );
    verify(&server, seen.acknowledged).await
}

/// Compares each row with what was stored.
async fn verify(server: &Server, acknowledged: i64) -> examples::Result<ExitCode> {
    let db = Db::from_url(&server.url("postgres")).await?;
    let sql = "SELECT count(*), count(*) FILTER (WHERE text = format('line %s of batch %s', line, batch)), \
               count(*) FILTER (WHERE batch >= $1) FROM events";
    let (rows, right, beyond): (i64, i64, i64) = db.query(sql).bind(acknowledged).fetch_one().await?;
    let wanted = acknowledged * i64::from(LINES);
    if (rows, right, beyond) != (wanted, wanted, 0) || acknowledged == 0 {
        println!("of {wanted} acknowledged rows {right} are there, and {} others", rows - right + beyond);
        return Ok(ExitCode::FAILURE);
    }
    println!("every acknowledged row is there, once");
    Ok(ExitCode::SUCCESS)
}
