//! What is read off the clock and off the process around the measured part.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use tests::report::Line;
use tests::rows::{Narrow, Wide};

use crate::task::{Metrics, Result, Task};

/// Reads wall time, processor time and resident memory from [`start`](Self::start) to [`stop`](Self::stop).
pub(crate) struct Meter {
    wall: Instant,
    cpu: Duration,
    resident: f64,
    who: UsageWho,
}

impl Meter {
    /// Of this process.
    pub(crate) fn start() -> Result<Self> {
        Self::of(UsageWho::RUSAGE_SELF)
    }

    /// Of the programs that this process runs, once they have ended; their memory is not read.
    pub(crate) fn of_programs() -> Result<Self> {
        Self::of(UsageWho::RUSAGE_CHILDREN)
    }

    fn of(who: UsageWho) -> Result<Self> {
        // The peak is counted from here on.
        std::fs::write("/proc/self/clear_refs", "5")?;
        Ok(Self { resident: status("VmRSS:")?, cpu: processor(who)?, wall: Instant::now(), who })
    }

    pub(crate) fn stop(self) -> Result<Metrics> {
        let wall = self.wall.elapsed();
        let cpu = processor(self.who)? - self.cpu;
        let mut metrics =
            Metrics::from([("wall_s".to_owned(), wall.as_secs_f64()), ("cpu_s".to_owned(), cpu.as_secs_f64())]);
        if self.who == UsageWho::RUSAGE_SELF {
            metrics.insert("added_rss_kib".to_owned(), status("VmHWM:")? - self.resident);
        }
        Ok(metrics)
    }
}

fn processor(who: UsageWho) -> Result<Duration> {
    let usage = getrusage(who)?;
    let micros = [usage.user_time(), usage.system_time()].map(|t| t.tv_sec() * 1_000_000 + t.tv_usec());
    Ok(Duration::from_micros(u64::try_from(micros.iter().sum::<i64>())?))
}

fn status(field: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix(field)).ok_or("the system does not say what is resident")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// What the rounds of one metric come to; at least one was measured.
pub(crate) fn line(workload: &str, subject: &str, placement: &str, metric: String, mut values: Vec<f64>) -> Line {
    values.sort_by(f64::total_cmp);
    Line {
        workload: workload.to_owned(),
        subject: subject.to_owned(),
        placement: placement.to_owned(),
        metric,
        median: values[values.len() / 2],
        min: values[0],
        max: values[values.len() - 1],
        rounds: values.len(),
        date: None,
    }
}

/// From when on the operations of a task are counted, and until when they are repeated.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    start: Instant,
    end: Instant,
}

/// How long the operations of one task took.
pub(crate) struct Latencies {
    span: Span,
    nanos: Vec<u64>,
    current: Option<Instant>,
    next: u64,
}

impl Latencies {
    /// Ends the operation that is under way, and begins the next one, with its number; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<u64> {
        let now = Instant::now();
        if let Some(before) = self.current.filter(|before| *before >= self.span.start) {
            self.nanos.extend(u64::try_from((now - before).as_nanos()));
        }
        // One is counted in any case.
        if now >= self.span.end && !self.nanos.is_empty() {
            return None;
        }
        self.current = Some(now);
        self.next += 1;
        Some(self.next - 1)
    }
}

impl Span {
    /// So many seconds, after a tenth of them to warm up.
    pub(crate) fn of(seconds: f64) -> Self {
        let start = Instant::now() + Duration::from_secs_f64(seconds / 10.0);
        Self { start, end: start + Duration::from_secs_f64(seconds) }
    }

    /// Watches the operations of one task: `while let Some(n) = latencies.next() { … }`.
    pub(crate) fn watch(self) -> Latencies {
        Latencies { span: self, nanos: Vec::new(), current: None, next: 0 }
    }

    /// What the operations of all tasks come to.
    pub(crate) fn sum(self, all: impl IntoIterator<Item = Latencies>) -> Result<Metrics> {
        let mut nanos: Vec<u64> = all.into_iter().flat_map(|l| l.nanos).collect();
        if nanos.is_empty() {
            return Err("no operation was finished".into());
        }
        nanos.sort_unstable();
        let at = |part: usize| nanos[(nanos.len() - 1) * part / 100] as f64 / 1e3;
        Ok(Metrics::from([
            ("ops_per_s".to_owned(), nanos.len() as f64 / self.start.elapsed().as_secs_f64()),
            ("p50_us".to_owned(), at(50)),
            ("p99_us".to_owned(), at(99)),
        ]))
    }
}

/// Which of `rows` an operation asks for: spread over all of them, the same for every subject.
pub(crate) fn pick(operation: u64, rows: u32) -> u32 {
    let spread = operation.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    u32::try_from(spread % u64::from(rows)).unwrap_or_default()
}

/// The rows of a load that is generated as it goes: a few hundred, again and again, so that making them costs nothing.
///
/// A row's own key is of no use in a table that has none; see the tables.
pub(crate) struct Rows {
    wides: Vec<Wide>,
}

impl Rows {
    pub(crate) fn new() -> Self {
        Self { wides: (0..256).map(tests::rows::wide).collect() }
    }

    pub(crate) fn wide(&self, count: u32) -> impl Iterator<Item = &Wide> + Send {
        self.wides.iter().cycle().take(count as usize)
    }
}

/// The first narrow rows.
pub(crate) fn narrows(count: u32) -> Vec<Narrow> {
    (0..count).map(tests::rows::narrow).collect()
}

/// The first wide rows.
pub(crate) fn wides(count: u32) -> Vec<Wide> {
    (0..count).map(tests::rows::wide).collect()
}

/// How many rows a turn of [`turns`] works on.
pub(crate) const IN_A_TURN: u32 = 256;

/// Nanoseconds a row, where a turn works on [`IN_A_TURN`] rows.
pub(crate) fn turns(task: &Task, mut turn: impl FnMut()) -> Metrics {
    let until = |end: Instant, turn: &mut dyn FnMut()| {
        let mut turns = 0_u32;
        while Instant::now() < end {
            turn();
            turns += 1;
        }
        turns
    };
    until(Instant::now() + Duration::from_secs_f64(task.seconds / 10.0), &mut turn);
    let start = Instant::now();
    let turns = until(start + Duration::from_secs_f64(task.seconds), &mut turn);
    let rows = f64::from(turns) * f64::from(IN_A_TURN);
    Metrics::from([("ns_per_row".to_owned(), start.elapsed().as_nanos() as f64 / rows)])
}
