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
        Ok(Self { resident: resident_now()?, cpu: processor(who)?, wall: Instant::now(), who })
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

/// What is resident now; the peak is counted from here on.
fn resident_now() -> Result<f64> {
    std::fs::write("/proc/self/clear_refs", "5")?;
    status("VmRSS:")
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
        kernel: None,
        machine: None,
    }
}

/// How many operations a second there is room for. It is made before they begin: what is written down about them is no
/// memory of theirs.
const ROOM: f64 = 400_000.0;

/// An operation that takes longer than this, in nanoseconds, has waited for a delayed acknowledgement.
const DELAYED: u64 = 40_000_000;

/// How long the operations of one task took: `while let Some(n) = latencies.next() { … }`.
///
/// They are counted for the task's seconds, after a tenth of them to warm up.
pub(crate) struct Latencies {
    start: Instant,
    end: Instant,
    /// The memory before the first operation.
    resident: f64,
    nanos: Vec<u64>,
    current: Option<Instant>,
    next: u64,
}

impl Latencies {
    /// Of a single task.
    pub(crate) fn of(task: &Task) -> Result<Self> {
        Ok(Self::several(task, 1)?.remove(0))
    }

    /// Of each of the task's tasks; all are counted over the same seconds. No two operations have the same number.
    pub(crate) fn of_each(task: &Task) -> Result<Vec<Self>> {
        Self::several(task, task.tasks)
    }

    fn several(task: &Task, count: usize) -> Result<Vec<Self>> {
        // Some tasks have more turns than others.
        let room = (task.seconds * ROOM) as usize * 2 / (count + 1);
        let written = |_| {
            let mut nanos = vec![u64::MAX; room];
            nanos.clear();
            nanos
        };
        let rooms: Vec<Vec<u64>> = (0..count).map(written).collect();
        let resident = resident_now()?;
        let start = Instant::now() + Duration::from_secs_f64(task.seconds / 10.0);
        let end = start + Duration::from_secs_f64(task.seconds);
        let all = rooms.into_iter().zip(0_u64..);
        Ok(all.map(|(nanos, n)| Self { start, end, resident, nanos, current: None, next: n << 32 }).collect())
    }

    /// Ends the operation that is under way, and begins the next one, with its number; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<u64> {
        let now = Instant::now();
        if let Some(before) = self.current.filter(|before| *before >= self.start) {
            self.nanos.extend(u64::try_from((now - before).as_nanos()));
        }
        // One is counted in any case.
        if now >= self.end && !self.nanos.is_empty() {
            return None;
        }
        self.current = Some(now);
        self.next += 1;
        Some(self.next - 1)
    }

    /// What the operations of all tasks come to.
    pub(crate) fn sum(all: Vec<Self>) -> Result<Metrics> {
        let peak = status("VmHWM:")?;
        let Some(Self { start, resident, .. }) = all.first() else { return Err("there is no task".into()) };
        let (elapsed, added) = (start.elapsed(), peak - resident);
        let mut nanos: Vec<u64> = all.into_iter().flat_map(|l| l.nanos).collect();
        if nanos.is_empty() {
            return Err("no operation was finished".into());
        }
        nanos.sort_unstable();
        let at = |part: usize| nanos[(nanos.len() - 1) * part / 100] as f64 / 1e3;
        let delayed = nanos.iter().filter(|n| **n > DELAYED).count();
        Ok(Metrics::from([
            ("ops_per_s".to_owned(), nanos.len() as f64 / elapsed.as_secs_f64()),
            ("p50_us".to_owned(), at(50)),
            ("p99_us".to_owned(), at(99)),
            ("over_40_ms".to_owned(), delayed as f64),
            ("added_rss_kib".to_owned(), added),
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
pub(crate) struct Rows<R>(Vec<R>);

impl Rows<Wide> {
    pub(crate) fn wide() -> Self {
        Self(wides(256))
    }
}

impl Rows<Narrow> {
    pub(crate) fn narrow() -> Self {
        Self(narrows(256))
    }
}

impl<R: Sync> Rows<R> {
    pub(crate) fn first(&self, count: u32) -> impl Iterator<Item = &R> + Send {
        self.0.iter().cycle().take(count as usize)
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
