//! What is counted where it is asked what being observed costs: `turns` operations, with somebody who listens or nobody.
//!
//! It is built several times, in a package of its own (see `observed.rs` beside): with the feature `metrics` and without,
//! and with all spans left out by the compiler. The recorder and the subscriber are the cheapest that there can be, so that
//! what is counted is pgrepo's side.

#![allow(clippy::unwrap_used, reason = "a failure ends the program")]

use pgrepo::{Db, DbConfig, PgTable};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[derive(PgTable)]
#[pg(table = "towns", read_only)]
struct Town {
    #[pg(primary_key)]
    id: i64,
    name: String,
    people: i32,
}

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

/// The operations, one after the other on one connection.
async fn turns(url: &str, turns: i64) -> Result<()> {
    let mut config = DbConfig::from_url(url)?;
    config.max_connections = 1;
    let db = Db::connect(config).await?;
    for turn in 0..turns {
        let town = db.repository::<Town>().get(1 + turn % 1000).await?.ok_or("no such town")?;
        std::hint::black_box((town.id, town.name, town.people));
    }
    db.close().await;
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, who, count] = args.as_slice() else { return Err("it takes a URL, who listens, and a number".into()) };
    listen(who);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(turns(url, count.parse()?))
}
