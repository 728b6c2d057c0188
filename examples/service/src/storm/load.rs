//! Asks as much as it can for a while.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use axum::body::Body;
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::client::{Answer, Client, ClientError};

use super::{Error, Program, free_address, lines, ready};

/// The airports that are there at the beginning.
const ROWS: u64 = 20_000;

/// The rows of an upload under load.
const UPLOAD: u64 = 200;

/// The storm.
#[derive(Debug, Clone)]
pub struct Load {
    /// How long.
    pub time: Duration,
    /// How many clients ask at a time, each without pause.
    pub clients: u64,
    /// The service, which brings its own server.
    pub program: Program,
}

/// What requests of a kind took.
#[derive(Debug, Default)]
struct Took {
    micros: Vec<u64>,
    errors: u64,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct LoadReport {
    by_kind: BTreeMap<&'static str, Took>,
    /// The first errors, in words.
    pub errors: Vec<String>,
    took: Duration,
}

impl LoadReport {
    /// How many requests were answered or failed.
    pub fn requests(&self) -> usize {
        self.by_kind.values().map(|took| took.micros.len()).sum()
    }

    /// How many had no answer, or one that is none of success.
    pub fn failed(&self) -> u64 {
        self.by_kind.values().map(|took| took.errors).sum()
    }

    fn add(&mut self, kind: &'static str, took: Duration, answer: &Result<Answer, ClientError>) {
        let entry = self.by_kind.entry(kind).or_default();
        entry.micros.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        let error = match answer {
            Ok(answer) if answer.status.is_success() => return,
            Ok(answer) => format!("{kind}: {} {}", answer.status, answer.json()),
            Err(error) => format!("{kind}: {}", crate::problem::chain(error)),
        };
        entry.errors += 1;
        if self.errors.len() < 10 {
            self.errors.push(error);
        }
    }

    fn join(&mut self, other: Self) {
        for (kind, mut took) in other.by_kind {
            let entry = self.by_kind.entry(kind).or_default();
            entry.micros.append(&mut took.micros);
            entry.errors += took.errors;
        }
        self.errors.extend(other.errors);
        self.errors.truncate(10);
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:8} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9}",
            "", "requests", "errors", "p50 ms", "p95 ms", "p99 ms", "max ms"
        )?;
        for (kind, took) in &self.by_kind {
            let mut sorted = took.micros.clone();
            sorted.sort_unstable();
            let at = |part: usize| {
                let place = (sorted.len() * part / 100).min(sorted.len().saturating_sub(1));
                Duration::from_micros(sorted.get(place).copied().unwrap_or(0)).as_secs_f64() * 1e3
            };
            let [p50, p95, p99, max] = [50, 95, 99, 100].map(at);
            let (requests, errors) = (sorted.len(), took.errors);
            writeln!(f, "{kind:8} {requests:>9} {errors:>7} {p50:>9.2} {p95:>9.2} {p99:>9.2} {max:>9.2}")?;
        }
        for error in &self.errors {
            writeln!(f, "{error}")?;
        }
        let seconds = self.took.as_secs_f64().max(f64::MIN_POSITIVE);
        let requests = f64::from(u32::try_from(self.requests()).unwrap_or(u32::MAX));
        write!(
            f,
            "{} requests in {seconds:.1} s, {:.0} a second, errors {}",
            self.requests(),
            requests / seconds,
            self.failed()
        )
    }
}

impl Load {
    /// Runs the storm.
    ///
    /// # Errors
    /// The service does not start, or takes no rows.
    pub async fn run(self) -> Result<LoadReport, Error> {
        let address = free_address()?;
        let process = self.program.start(address, &[])?;
        ready(address).await?;
        let answer = Client::new(address).upload(id(), NDJSON, lines("load", 0..ROWS)).await?;
        if !answer.status.is_success() {
            return Err(format!("the airports are not stored: {}", answer.json()).into());
        }
        let began = Instant::now();
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            clients.spawn(ask(Client::new(address), number, began + self.time));
        }
        let mut report = LoadReport::default();
        while let Some(asked) = clients.join_next().await {
            report.join(asked?);
        }
        report.took = began.elapsed();
        drop(process);
        Ok(report)
    }
}

const NDJSON: &str = "application/x-ndjson";

fn id() -> Uuid {
    Uuid::from_u128(fastrand::u128(..))
}

/// Asks one thing after the other until the time is over.
async fn ask(mut client: Client, number: u64, until: Instant) -> LoadReport {
    let (mut report, mut next, mut upload) = (LoadReport::default(), None::<String>, 0);
    while Instant::now() < until {
        let some = fastrand::u64(0..ROWS);
        let began = Instant::now();
        let (kind, answer) = match (fastrand::u8(0..100), next.take()) {
            (0..35, after) => {
                let order = ["icao", "name", "highest"][usize::try_from(number % 3).unwrap_or_default()];
                let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
                let path = format!("/airports?country=CH&min_elevation=100&sort={order}&limit=20{after}");
                let answer = client.get(&path).await;
                next = answer.as_ref().ok().and_then(|answer| Some(answer.json()["next"].as_str()?.to_owned()));
                ("list", answer)
            }
            (35..65, _) => ("one", client.get(&format!("/airports/load-{some}")).await),
            (65..80, _) => {
                let wanted = json!({"contains": {"city": format!("City {}", some % 100)}, "limit": 10});
                ("search", client.search(&wanted).await)
            }
            (80..90, _) => {
                upload += 1;
                let body = Body::from(lines(&format!("{number:x}-{upload:x}"), 0..UPLOAD));
                ("upload", client.upload(id(), NDJSON, body).await)
            }
            (90..93, _) => ("stats", client.get("/stats").await),
            (93..96, _) => ("health", client.get("/health").await),
            (96..98, _) => ("ready", client.get("/ready").await),
            _ => ("metrics", client.get("/metrics").await),
        };
        report.add(kind, began.elapsed(), &answer);
    }
    report
}
