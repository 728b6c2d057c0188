//! Kills the database's server and the service, each by SIGKILL, while an upload is open.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pgrepo::Db;
use pgrepo::testkit::{Proxy, Server, ServerOptions, StopMode};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::uploader::{Account, Gate, Record, Signals, Told, Uploader};
use super::{Error, PATIENCE, Program, free_address, ready};

/// How many clients upload at a time; the upload of one of them is held open at each kill.
const UPLOADERS: u64 = 4;

/// How long an answer of the database is on its way.
const LATENCY: Duration = Duration::from_millis(20);

/// The storm.
#[derive(Debug, Clone)]
pub struct Kills {
    /// How often each of the two is killed.
    pub kills: u32,
    /// The service.
    pub program: Program,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct KillsReport {
    /// How often the database's server was killed with an upload open.
    pub of_the_server: u32,
    /// How often the service was.
    pub of_the_service: u32,
    /// Uploads of which is known what became of them.
    pub uploads: usize,
    /// Those that an answer said to be stored.
    pub acknowledged: u64,
    /// Those that an answer said not to be.
    pub refused: u64,
    /// Those whose answer was lost, and that were asked about by their id.
    pub lost: u64,
    /// Of these, those that are stored.
    pub found: u64,
    /// Uploads that were sent once more by the same id.
    pub repeated: u64,
    /// Rows of uploads that were said to be stored.
    pub rows: u64,
    /// Uploads that are there as a whole and were said to be.
    pub whole: u64,
    /// Uploads that were said to be stored and are not there.
    pub missing: u64,
    /// Uploads of which some rows are there.
    pub partial: u64,
    /// Uploads that were said not to be stored and are there.
    pub surplus: u64,
    /// How long it all took.
    pub took: Duration,
}

impl KillsReport {
    /// Whether every promise was kept.
    pub fn is_right(&self) -> bool {
        let wrong = self.missing + self.partial + self.surplus;
        wrong == 0 && self.acknowledged + self.found == self.whole && self.whole > 0
    }

    fn add(&mut self, account: &Account) {
        self.uploads += account.records.len();
        self.acknowledged += account.acknowledged;
        self.refused += account.refused;
        self.lost += account.lost;
        self.found += account.found;
        self.repeated += account.repeated;
    }
}

impl fmt::Display for KillsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of_the_server, of_the_service, uploads, acknowledged, refused, lost, found, repeated, .. } = self;
        let Self { rows, whole, missing, partial, surplus, took, .. } = self;
        writeln!(f, "ran for {took:.1?}")?;
        writeln!(
            f,
            "killed with an upload open: the database's server {of_the_server} times, the service {of_the_service} times"
        )?;
        writeln!(
            f,
            "{uploads} uploads: {acknowledged} acknowledged, {refused} refused, {lost} whose answer was lost, of which {found} \
             were found stored by their id; {repeated} sent again by the same id"
        )?;
        writeln!(
            f,
            "{rows} rows in {whole} whole uploads; missing {missing}, in part {partial}, not meant to be there {surplus}"
        )?;
        let verdict =
            if self.is_right() { "every acknowledged upload is whole, none is there in part" } else { "WRONG" };
        write!(f, "{verdict}")
    }
}

impl Kills {
    /// Runs the storm on a server of its own.
    ///
    /// # Errors
    /// Something did not start, or had no end.
    pub async fn run(self) -> Result<KillsReport, Error> {
        let (mut report, began) = (KillsReport::default(), Instant::now());
        let server = Server::start(ServerOptions::private()).await?;
        // The answers of the database take a while, so that a kill may come between a COMMIT and its answer.
        let proxy = Proxy::start(&server).await?;
        proxy.latency_each(Duration::ZERO, LATENCY);
        let (address, url) = (free_address()?, proxy.url("postgres"));
        let variables = [("DATABASE_URL", &*url), ("SERVICE_MAX_UPLOADS", "8"), ("RUST_BACKTRACE", "0")];
        let mut process = self.program.start(address, &variables)?;

        let ((gate, gate_seen), (over, over_seen)) = (watch::channel(Gate::Open), watch::channel(false));
        let (held, mut held_seen) = watch::channel(0);
        let tail = Arc::<AtomicU64>::default();
        let signals = Signals { gate: gate_seen, held: held.clone(), tail: Arc::clone(&tail), over: over_seen };
        let mut uploaders = JoinSet::new();
        for number in 0..UPLOADERS {
            uploaders.spawn(Uploader::new(address, number, signals.clone()).work());
        }
        for round in 0..2 * self.kills {
            held.send_replace(0);
            gate.send_replace(Gate::Closed);
            if timeout(PATIENCE, held_seen.wait_for(|held| *held == UPLOADERS)).await.is_err() {
                return Err("the uploads are not open".into());
            }
            // One stays open; the others come to their ends, where each kill meets them at another place.
            gate.send_replace(Gate::OneClosed);
            let tail = tail.load(Ordering::Relaxed);
            sleep(Duration::from_micros(fastrand::u64(0..=tail + tail / 4))).await;
            if round % 2 == 0 {
                server.stop(StopMode::Kill).await?;
                server.start_again().await?;
                report.of_the_server += 1;
            } else {
                process.kill()?;
                process = self.program.start(address, &variables)?;
                report.of_the_service += 1;
            }
            gate.send_replace(Gate::Open);
            ready(address).await?;
            sleep(Duration::from_millis(fastrand::u64(50..250))).await;
        }
        over.send_replace(true);
        let mut records = Vec::new();
        while let Some(account) = uploaders.join_next().await {
            let account = account??;
            report.add(&account);
            records.extend(account.records);
        }
        drop(process);
        compare(&Db::from_url(&server.url("postgres")).await?, &records, &mut report).await?;
        report.took = began.elapsed();
        server.shutdown().await?;
        Ok(report)
    }
}

/// Compares what is stored with what was told.
async fn compare(db: &Db, records: &[Record], report: &mut KillsReport) -> Result<(), Error> {
    let sql = "SELECT coalesce(u.id, a.upload_id), coalesce(u.rows, 0), coalesce(a.rows, 0) FROM uploads u FULL JOIN \
        (SELECT upload_id, count(*) AS rows FROM airports GROUP BY 1) a ON a.upload_id = u.id";
    let there: Vec<(Uuid, i64, i64)> = db.query(sql).fetch_all().await?;
    let mut there: HashMap<Uuid, (i64, i64)> = there.into_iter().map(|(id, told, rows)| (id, (told, rows))).collect();
    for Record { id, rows, told } in records {
        let all = i64::try_from(*rows)?;
        match (told, there.remove(id)) {
            (Told::Stored, Some(stored)) if stored == (all, all) => {
                report.whole += 1;
                report.rows += rows;
            }
            (Told::NotStored, None) => {}
            (Told::Stored, None) => report.missing += 1,
            (Told::NotStored, Some(stored)) if stored == (all, all) => report.surplus += 1,
            (_, Some(_)) => report.partial += 1,
        }
    }
    // What nobody has uploaded.
    report.surplus += there.len() as u64;
    Ok(())
}
