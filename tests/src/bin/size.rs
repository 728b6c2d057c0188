//! Loads millions of rows through one COPY, merges as many, and measures the memory of the processes that do it.
//!
//! ```sh
//! cargo run --release -p tests --bin size -- --rows 10000000
//! ```
//!
//! Each is done by a process of its own that is limited to 256 MiB of memory, on a private server with unlogged tables;
//! ten million rows take some 5 GB of disk. Half of the merged rows are new, and a quarter changed. At the end the server
//! counts and sums what is stored. It prints a summary, and fails where anything is missing, or resident memory grew by
//! more than 32 MiB.

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use pgrepo::testkit::{Server, ServerOptions};
use pgrepo::{Db, PgTable};
use tests::memory;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// How much resident memory may grow from a child's start, in KiB.
const GROWTH: u64 = 32 * 1024;
/// What a child is told: where the server is.
const URL: &str = "PGREPO_SIZE_URL";

#[derive(PgTable)]
#[pg(table = "many")]
struct Many {
    #[pg(primary_key)]
    id: i64,
    score: i64,
    name: String,
}

fn many(id: i64, score: i64) -> Many {
    Many { id, score, name: format!("row number {id}") }
}

/// What the merge brings: from the middle of what is loaded on, and of those each second one changed.
fn changed(rows: i64) -> impl Iterator<Item = Many> {
    (rows / 2..rows / 2 + rows).map(|id| many(id, id % 2))
}

/// Loads or merges in this process.
async fn work(what: &str, url: &str, rows: i64) -> Result<String> {
    memory::limit()?;
    let before = memory::peak()?;
    let db = Db::from_url(url).await?;
    let begun = Instant::now();
    let done = match what {
        "copy" => format!("{:?}", db.repository::<Many>().copy_in((0..rows).map(|id| many(id, 0))).await?),
        _ => format!("{:?}", db.repository::<Many>().merge(changed(rows)).execute().await?),
    };
    let (took, after) = (begun.elapsed(), memory::peak()?);
    let grown = after.saturating_sub(before);
    if grown > GROWTH {
        return Err(format!("{what}: {before} KiB at the start, {after} KiB at the peak, {grown} KiB more").into());
    }
    Ok(format!("{done}, {took:.1?}; resident: {before} KiB at the start, {after} KiB at the peak, {grown} KiB more"))
}

/// Has a process of its own do it, and passes on what it prints.
fn child(what: &str, url: &str, rows: i64) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([what, &rows.to_string()]).env(URL, url).stdin(Stdio::null());
    // One heap: each further one would set 64 MiB of addresses aside.
    command.env("MALLOC_ARENA_MAX", "1");
    let ended = command.status()?;
    if ended.success() { Ok(()) } else { Err(format!("{what}: {ended}").into()) }
}

async fn compare(db: &Db, rows: i64) -> Result<()> {
    let sql = "SELECT count(*), min(id), max(id), sum(score)::int8, sum(octet_length(name))::int8 FROM many";
    let stored: (i64, i64, i64, i64, i64) = db.query(sql).fetch_one().await?;
    let all = rows / 2 + rows;
    let bytes = (0..all).map(|id| "row number ".len() as u64 + u64::from(id.max(1).ilog10()) + 1).sum::<u64>();
    let odd = changed(rows).map(|row| row.score).sum();
    let expected = (all, 0, all - 1, odd, i64::try_from(bytes)?);
    if stored != expected {
        return Err(format!("the table holds {stored:?} and not {expected:?}").into());
    }
    Ok(())
}

fn main() -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rows = match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => 10_000_000,
        ["--rows", rows] => rows.parse()?,
        [what, rows] => {
            let url = std::env::var(URL).map_err(|_| format!("unknown option {what}; the known one is --rows"))?;
            println!("{what}: {}", runtime.block_on(work(what, &url, rows.parse()?))?);
            return Ok(ExitCode::SUCCESS);
        }
        _ => return Err("the option --rows takes a number".into()),
    };
    if rows < 2 {
        return Err("two rows are the fewest".into());
    }
    runtime.block_on(async {
        let server = Server::start(ServerOptions::private()).await?;
        let url = server.url("postgres");
        let db = Db::from_url(&url).await?;
        db.execute_script("CREATE UNLOGGED TABLE many (id int8 PRIMARY KEY, score int8 NOT NULL, name text)").await?;
        let limit = memory::LIMIT >> 20;
        println!("PostgreSQL {}, {rows} rows, each process limited to {limit} MiB", server.version());
        child("copy", &url, rows)?;
        child("merge", &url, rows)?;
        compare(&db, rows).await?;
        println!("stored = sent, in flat memory");
        Ok(ExitCode::SUCCESS)
    })
}
