//! Works for minutes while its server and its network fail every few seconds, and then compares each row with what was
//! answered.
//!
//! ```sh
//! cargo run --release -p tests --bin soak -- --seconds 600 --every 5
//! ```
//!
//! Many tasks insert, load and commit through a proxy with a millisecond of latency, on a private server. Meanwhile, in
//! turn: all running operations are dropped, every connection is reset, connections are cut around COMMIT, the network is
//! a black hole, a server process is killed, sessions are terminated, and the server restarts, orderly or not. At the end
//! every acknowledged row must be there exactly once, nothing of what was said to have had no effect, and of what was left
//! unknown all or nothing. It prints a summary, and fails if any of this is not so. `--seed` repeats the choices of a run.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pgrepo::testkit::{Cut, Ending, Message, Proxy, Server, ServerOptions, StopMode};
use pgrepo::{Db, DbConfig, FaultClass, PgTable, TxOptions};
use tokio::sync::watch;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const TASKS: u64 = 24;
const CONNECTIONS: usize = 12;
/// What nobody answers is dropped.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long a fault lasts that is no moment.
const LASTS: Duration = Duration::from_secs(1);
/// A task's pause between two operations, so that the table stays small enough to be compared.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(PgTable)]
#[pg(table = "stored")]
struct Stored {
    grp: i64,
    id: i32,
}

fn rows(group: i64, count: i32) -> impl Iterator<Item = Stored> {
    (0..count).map(move |id| Stored { grp: group, id })
}

/// What a task was told of a group of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Stored,
    NoEffect,
    /// Dropped, or left open by the error.
    Unknown,
}

#[derive(Debug, Default)]
struct Seen {
    groups: BTreeMap<i64, (i32, Told)>,
    answers: u64,
    wrong_answers: u64,
    errors: BTreeMap<String, u64>,
    faults: BTreeMap<&'static str, u64>,
    last_success: Option<Instant>,
    longest_recovery: Duration,
}

#[derive(Clone)]
struct Soak {
    db: Db,
    seen: Arc<Mutex<Seen>>,
    next: Arc<AtomicI64>,
}

impl Soak {
    fn note<T>(&self, what: impl FnOnce(&mut Seen) -> T) -> T {
        what(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn number(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Works until it is told to stop; an operation is dropped when `drops` changes.
    async fn work(self, seed: u64, mut drops: watch::Receiver<u64>, stop: watch::Receiver<bool>) {
        let mut random = Random(seed);
        while !*stop.borrow() {
            drops.borrow_and_update();
            let (number, choice) = (self.number(), random.below(5));
            let count = [1, 1, 3, 20, 0][choice];
            let ended = {
                let operation = self.operation(choice, number, count);
                tokio::select! {
                    ended = tokio::time::timeout(DEADLINE, operation) => ended.ok(),
                    _ = drops.changed() => None,
                }
            };
            let told = match ended {
                Some(Ok(())) => {
                    self.note(|seen| seen.last_success = Some(Instant::now()));
                    Told::Stored
                }
                Some(Err(error)) => {
                    let class = error.fault_class();
                    self.note(|s| *s.errors.entry(format!("{:?}, {class:?}", error.kind())).or_default() += 1);
                    // Whoever is refused waits a little, so that an outage is not filled with attempts.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if class == FaultClass::Indeterminate { Told::Unknown } else { Told::NoEffect }
                }
                None => {
                    self.note(|s| *s.errors.entry("dropped".to_owned()).or_default() += 1);
                    Told::Unknown
                }
            };
            self.note(|s| {
                s.answers += u64::from(told == Told::Stored);
                if count > 0 {
                    s.groups.insert(number, (count, told));
                }
            });
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn operation(&self, choice: usize, number: i64, count: i32) -> pgrepo::Result<()> {
        let stored = self.db.repository::<Stored>();
        match choice {
            0 => self.db.query("INSERT INTO stored VALUES ($1, 0)").bind(number).execute().await.map(drop),
            1 => stored.insert(Stored { grp: number, id: 0 }).await.map(drop),
            2 => {
                let insert = async |tx: &mut pgrepo::Tx| {
                    for row in rows(number, count) {
                        tx.repository::<Stored>().insert(row).await?;
                    }
                    Ok(())
                };
                self.db.transaction_with(TxOptions::default(), insert).await
            }
            3 => stored.copy_in(rows(number, count)).await.map(drop),
            _ => {
                let answer: i64 = self.db.query("SELECT $1::int8").bind(number).fetch_one().await?;
                self.note(|s| s.wrong_answers += u64::from(answer != number));
                Ok(())
            }
        }
    }

    /// Waits until an operation that began after this has succeeded, and takes note of how long that took.
    async fn recovered(&self, since: Instant) {
        while self.note(|s| s.last_success.is_none_or(|at| at < since)) && since.elapsed() < 6 * DEADLINE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.note(|s| s.longest_recovery = s.longest_recovery.max(since.elapsed()));
    }

    /// Brings one fault, and ends it.
    async fn fault(&self, turn: u64, proxy: &Proxy, drops: &watch::Sender<u64>, random: &mut Random) -> Result<()> {
        let server = proxy.server();
        let name = match turn % 8 {
            0 => {
                drops.send_modify(|n| *n += 1);
                "operations dropped"
            }
            1 => {
                proxy.end_all([Ending::Reset, Ending::Close][random.below(2)]);
                "connections ended"
            }
            2 => {
                for nth in 0..10 {
                    let cut = if nth % 2 == 0 { Cut::before } else { Cut::after };
                    let message = ["COMMIT", "SAVEPOINT pgrepo_commit"][random.below(2)];
                    proxy.cut(cut(Message::Sql(message.to_owned())));
                }
                "cuts around COMMIT"
            }
            3 => {
                proxy.black_hole(true);
                tokio::time::sleep(LASTS).await;
                proxy.black_hole(false);
                "black hole"
            }
            4 => {
                let direct = Db::from_url(&server.url("postgres")).await?;
                let pid = "SELECT pid FROM pg_stat_activity WHERE application_name = 'soak' LIMIT 1";
                let pid: Option<i32> = direct.query(pid).fetch_optional().await?;
                direct.close().await;
                if let Some(pid) = pid {
                    server.kill_backend(pid).await?;
                }
                "server process killed"
            }
            5 => {
                let direct = Db::from_url(&server.url("postgres")).await?;
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'soak'";
                direct.query(end).execute().await?;
                direct.close().await;
                "sessions terminated"
            }
            6 => {
                server.stop(StopMode::Fast).await?;
                tokio::time::sleep(LASTS).await;
                server.start_again().await?;
                "restart"
            }
            _ => {
                server.stop(StopMode::Immediate).await?;
                tokio::time::sleep(LASTS).await;
                server.start_again().await?;
                "restart after a crash"
            }
        };
        self.note(|s| *s.faults.entry(name).or_default() += 1);
        Ok(())
    }
}

/// A splitmix64 generator.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap_or_default()
    }
}

struct Arguments {
    seconds: u64,
    every: u64,
    seed: u64,
}

fn arguments() -> Result<Arguments> {
    let mut arguments = Arguments { seconds: 600, every: 5, seed: 0x5eed };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or("each option takes a number")?.parse()?;
        match &*word {
            "--seconds" => arguments.seconds = value,
            "--every" => arguments.every = value,
            "--seed" => arguments.seed = value,
            other => {
                return Err(format!("unknown option {other}; the known ones are --seconds, --every, --seed").into());
            }
        }
    }
    Ok(arguments)
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let Arguments { seconds, every, seed } = arguments()?;
    let server = Server::start(ServerOptions::private()).await?;
    let direct = Db::from_url(&server.url("postgres")).await?;
    direct.execute_script("CREATE TABLE stored (grp int8 NOT NULL, id int4 NOT NULL)").await?;
    direct.close().await;
    let proxy = Proxy::start(&server).await?;
    proxy.latency(Duration::from_millis(1));
    println!(
        "PostgreSQL {}, {seconds} s, a fault every {every} s, {TASKS} tasks on {CONNECTIONS} connections, seed {seed}",
        server.version()
    );

    let mut config = DbConfig::from_url(&proxy.url("postgres"))?.with_max_connections(CONNECTIONS);
    "soak".clone_into(&mut config.application_name);
    let soak = Soak { db: Db::connect(config).await?, seen: Arc::default(), next: Arc::new(AtomicI64::new(1)) };
    let ((drops, dropped), (stop, stopped)) = (watch::channel(0), watch::channel(false));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(soak.clone().work(seed + 1 + task, dropped.clone(), stopped.clone()));
    }
    let (begun, mut random) = (Instant::now(), Random(seed));
    let mut turns = 0..;
    while begun.elapsed() + Duration::from_secs(every) < Duration::from_secs(seconds) {
        tokio::time::sleep(Duration::from_secs(every)).await;
        soak.fault(turns.next().unwrap_or_default(), &proxy, &drops, &mut random).await?;
        soak.recovered(Instant::now()).await;
    }
    proxy.heal();
    stop.send_replace(true);
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    let whole = serves(&soak.db).await;
    let harm = compare(&server, &soak).await?;
    let seen = std::mem::take(&mut *soak.seen.lock().unwrap_or_else(PoisonError::into_inner));
    report(&seen, begun.elapsed(), &harm, whole, proxy.counts().connections);
    // What would fail again in the same way is no fault of the network or the server.
    let fatal = seen.errors.keys().any(|error| error.ends_with("Fatal"));
    let fine = whole && harm.is_empty() && seen.wrong_answers == 0 && !fatal;
    println!("{}", if fine { "acknowledged = present" } else { "FAILED" });
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the pool gives all of its connections at the same time; each that broke while it idled may say so once.
async fn serves(db: &Db) -> bool {
    for _ in 0..=CONNECTIONS {
        let begun = futures_util::future::join_all((0..CONNECTIONS).map(|_| db.begin())).await;
        if begun.iter().all(Result::is_ok) {
            return true;
        }
    }
    false
}

/// Compares what is stored, group by group and row by row, with what was told; returns how often it differs, by why.
async fn compare(server: &Server, soak: &Soak) -> Result<BTreeMap<&'static str, u64>> {
    let direct = Db::from_url(&server.url("postgres")).await?;
    let mut stored = BTreeMap::new();
    let sql = "SELECT grp, count(*), count(DISTINCT id), min(id), max(id) FROM stored GROUP BY grp";
    let mut groups = direct.query(sql).stream::<(i64, i64, i64, i32, i32)>().await?;
    while let Some((group, count, different, min, max)) = groups.next().await? {
        stored.insert(group, (count, different, min, max));
    }
    let mut harm = BTreeMap::new();
    soak.note(|seen| {
        for (group, (count, told)) in &seen.groups {
            let rows = i64::from(*count);
            let why = match (told, stored.remove(group)) {
                (Told::Stored, None) => "acknowledged and missing",
                (Told::NoEffect, Some(_)) => "said to have had no effect, and there",
                (_, Some((found, ..))) if found > rows => "duplicated",
                (_, Some(found)) if found != (rows, rows, 0, count - 1) => "partial",
                _ => continue,
            };
            *harm.entry(why).or_default() += 1;
        }
    });
    if !stored.is_empty() {
        harm.insert("written by nobody", stored.len() as u64);
    }
    Ok(harm)
}

fn report(seen: &Seen, took: Duration, harm: &BTreeMap<&'static str, u64>, whole: bool, connections: u64) {
    let told = |told| seen.groups.values().filter(|(_, t)| *t == told).count();
    let rows: i64 = seen.groups.values().filter(|(_, t)| *t == Told::Stored).map(|(count, _)| i64::from(*count)).sum();
    println!("ran for {took:.1?}, {} operations answered, {connections} connections made", seen.answers);
    println!("faults: {:?}, {} in all", seen.faults, seen.faults.values().sum::<u64>());
    println!(
        "groups of rows: {} acknowledged ({rows} rows), {} said to have had no effect, {} unknown",
        told(Told::Stored),
        told(Told::NoEffect),
        told(Told::Unknown)
    );
    println!("errors: {:#?}", seen.errors);
    println!("longest time from the end of a fault to the next success: {:?}", seen.longest_recovery);
    println!("wrong answers: {}; differences: {harm:?}; the pool gives all connections: {whole}", seen.wrong_answers);
}
