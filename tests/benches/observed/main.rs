//! How many instructions of the client an operation on a server takes, by who listens: `cargo bench -p tests --bench observed`.
//!
//! valgrind counts them, as in the bench `codec`; the server is a private one beside, and is not counted. With
//! `--no-default-features` pgrepo is built without its feature `metrics`, so that four builds and listeners can be told
//! apart: without the feature, with it and nobody who records, with a recorder, and with a subscriber too. The recorder
//! and the subscriber are the cheapest that there can be, so that what is counted is pgrepo's side.
//!
//! A client that has to wait for its answer is polled once more. So that each one does, the server sleeps before it answers;
//! of several runs the least is taken.

#![allow(clippy::unwrap_used, reason = "a failure ends the program")]

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use pgrepo::testkit::{Server, ServerOptions, need};
use pgrepo::{Db, DbConfig, PgTable};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The server's URL, for what valgrind runs.
const URL: &str = "PGREPO_OBSERVED_URL";
const VIEW: &str = "CREATE TABLE all_towns (id int8 PRIMARY KEY, name text NOT NULL, people int4 NOT NULL); \
    INSERT INTO all_towns SELECT n, 'town ' || n, n FROM generate_series(1, 1000) AS n; \
    CREATE VIEW towns AS SELECT t.* FROM all_towns AS t, pg_sleep(0.004)";

/// Operations of the two runs whose difference is counted: it leaves out what goes before the first.
const TURNS: [u32; 2] = [100, 600];
const RUNS: u32 = 3;

#[derive(PgTable)]
#[pg(table = "towns", read_only)]
struct Town {
    #[pg(primary_key)]
    id: i64,
    name: String,
    people: i32,
}

const OPERATIONS: [&str; 2] = ["get", "fetch_val"];

/// Who listens.
const LISTENERS: &[&str] = if cfg!(feature = "metrics") {
    &["nobody", "recorder", "recorder and subscriber"]
} else {
    &["nobody", "subscriber"]
};

/// Keeps nothing.
struct Spans;

impl Subscriber for Spans {
    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        meta.is_span()
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        std::hint::black_box(attributes);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        std::hint::black_box(values);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(feature = "metrics")]
mod recorder {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

    /// Keeps one number for all.
    pub(crate) struct Sum(Arc<AtomicU64>, Arc<Last>);

    struct Last(AtomicU64);

    impl HistogramFn for Last {
        fn record(&self, value: f64) {
            self.0.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    pub(crate) fn install() {
        let sum = Sum(Arc::default(), Arc::new(Last(AtomicU64::new(0))));
        metrics::set_global_recorder(sum).map_err(|_| "there is a recorder").unwrap();
    }

    impl Recorder for Sum {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(Arc::clone(&self.0))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(Arc::clone(&self.0))
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::from_arc(Arc::clone(&self.1))
        }
    }
}

fn listen(who: &str) {
    #[cfg(feature = "metrics")]
    if who.starts_with("recorder") {
        recorder::install();
    }
    if who.ends_with("subscriber") {
        tracing::subscriber::set_global_default(Spans).unwrap();
    }
}

/// What valgrind runs.
async fn turns(operation: &str, turns: u32) -> Result<()> {
    let mut config = DbConfig::from_url(&std::env::var(URL)?)?;
    config.max_connections = 1;
    let db = Db::connect(config).await?;
    for turn in 0..i64::from(turns) {
        match operation {
            "get" => {
                let town = db.repository::<Town>().get(1 + turn % 1000).await?.ok_or("no such town")?;
                std::hint::black_box((town.id, town.name, town.people));
            }
            _ => drop(db.query("SELECT $1::int8 FROM pg_sleep(0.004)").bind(turn).fetch_val::<i64>().await?),
        }
    }
    db.close().await;
    Ok(())
}

/// The client's instructions of an operation: the difference between two runs of this program in callgrind.
fn instructions(valgrind: &Path, url: &str, operation: &str, who: &str) -> Result<f64> {
    let mut counts = [f64::INFINITY; 2];
    for (turns, count) in TURNS.iter().zip(&mut counts) {
        for _ in 0..RUNS {
            let output = Command::new(valgrind)
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
                .arg(std::env::current_exe()?)
                .args(["--turns", operation, who, &turns.to_string()])
                .env(URL, url)
                .stdin(Stdio::null())
                .output()?;
            let text = String::from_utf8_lossy(&output.stderr);
            let collected = text.lines().find_map(|line| line.split_once("Collected : "));
            match collected {
                Some((_, number)) if output.status.success() => *count = count.min(number.trim().parse()?),
                _ => return Err(format!("valgrind did not count {operation}: {text}").into()),
            }
        }
    }
    Ok((counts[1] - counts[0]) / f64::from(TURNS[1] - TURNS[0]))
}

fn table(runtime: &tokio::runtime::Runtime) -> Result<()> {
    let Some(valgrind) = need("the count of instructions", "valgrind", "apt-get install valgrind") else {
        println!("nothing was counted: valgrind counts the instructions, and it is not installed");
        return Ok(());
    };
    let server = runtime.block_on(Server::start(ServerOptions::private()))?;
    let url = server.url("postgres");
    runtime.block_on(async { Db::from_url(&url).await?.execute_script(VIEW).await })?;
    let built = if cfg!(feature = "metrics") { "with" } else { "without" };
    println!("instructions of an operation, built {built} the feature `metrics`");
    println!("{:<12} {:<24} {:>10}", "operation", "who listens", "pgrepo");
    for operation in OPERATIONS {
        for who in LISTENERS {
            let count = instructions(&valgrind, &url, operation, who)?;
            println!("{operation:<12} {who:<24} {count:>10.0}");
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = match args[..] {
        ["--turns", operation, who, count] => {
            listen(who);
            runtime.block_on(turns(operation, count.parse().unwrap()))
        }
        [] => table(&runtime),
        _ => Err(format!("unknown arguments: {}", args.join(" ")).into()),
    };
    tests::ended(result)
}
