//! A Python connector's document, line by line, beside what was measured.
//!
//! It wraps asyncpg. Its figures come without a machine, a table or a method, so that asyncpg was measured here too.

use super::Results;
use super::number::{number, ratio};

const ONE: &str = "one processor";
const TWO: &str = "two processors";
const FREE: &str = "free";
const NONE: &str = "not measured";

/// The load of more rows than any other.
const LARGEST: &str = "copy-10m";

/// What a single query is measured on.
const SINGLE: &str = "A wide row by its key, one connection. One connection that waits 0.4 ms for each answer cannot reach 25,000/s; the claim must be that of several.";

/// The libraries of the table's columns.
const COLUMNS: [&str; 2] = ["pgrepo", "asyncpg"];

/// What a subject reached; `None` where it was not measured.
type Figure = Option<String>;

struct Claims<'a>(&'a Results);

impl Claims<'_> {
    fn median(&self, workload: &str, placement: &str, subject: &str, metric: &str) -> Option<f64> {
        self.0.median(workload, placement, subject, metric)
    }

    /// The rows of a workload with a million of them.
    fn million(&self) -> f64 {
        if self.0.run.quick { 5e4 } else { 1e6 }
    }

    /// The rows of the largest load, and whether it was measured.
    fn largest(&self) -> (f64, bool) {
        let measured = self.0.lines.iter().any(|l| l.workload == LARGEST);
        (if self.0.run.quick { 5e5 } else { 1e7 }, measured)
    }

    /// What memory was added to in a workload, if that was read.
    fn added(&self, workload: &str, placement: &str, subject: &str) -> Figure {
        let kib = self.median(workload, placement, subject, "added_rss_kib")?;
        Some(format!("{} MiB added", number(kib / 1024.0)))
    }

    fn ops(&self, workload: &str, placement: &str, subject: &str) -> Figure {
        let ops = self.median(workload, placement, subject, "ops_per_s")?;
        let times = ["p50_us", "p99_us"].map(|m| self.median(workload, placement, subject, m));
        let latency = match times {
            [Some(p50), Some(p99)] => format!(", p50 {} ms, p99 {} ms", number(p50 / 1e3), number(p99 / 1e3)),
            _ => String::new(),
        };
        let memory = self.added(workload, placement, subject).map_or(String::new(), |m| format!(", {m}"));
        Some(format!("{}/s{latency}{memory} ({placement})", number(ops)))
    }

    /// Rows a second of loads of 10,000 rows.
    fn loads(&self, subject: &str) -> Figure {
        let ops = self.median("copy-10000", TWO, subject, "ops_per_s")?;
        let p50 = self.median("copy-10000", TWO, subject, "p50_us")?;
        Some(format!("{} rows/s, {} ms a load", number(ops * 1e4), number(p50 / 1e3)))
    }

    /// Rows a second and memory of so many rows.
    fn flow(&self, workload: &str, subject: &str, rows: f64) -> Figure {
        let wall = self.median(workload, TWO, subject, "wall_s")?;
        let memory = self.added(workload, TWO, subject).map_or(String::new(), |m| format!(", {m}"));
        Some(format!("{} rows/s{memory}", number(rows / wall)))
    }

    /// How much larger the first figure is than the second.
    fn times(&self, [first, second]: [(&str, &str, &str); 2], metric: &str) -> Figure {
        let of = |(workload, placement, subject)| self.median(workload, placement, subject, metric);
        let times = of(first)? / of(second)?;
        times.is_finite().then(|| format!("{} ×", ratio(times)))
    }

    /// Many tasks beside one, in the same placement.
    fn tasks(&self, subject: &str) -> Figure {
        self.times([("pool-50", ONE, subject), ("point-query", ONE, subject)], "ops_per_s")
    }

    fn row_by_row(&self, placement: &str) -> Figure {
        let rows = [("insert-50000", placement, "pgrepo, row by row"), ("insert-50000", placement, "pgrepo, COPY")];
        Some(format!("{} ({placement})", self.times(rows, "p50_us")?))
    }

    fn beside_psycopg(&self, subject: &str) -> Figure {
        let points = self.times([("point-query", TWO, subject), ("point-query", TWO, "psycopg")], "ops_per_s")?;
        let reads = self.times([("read", TWO, "psycopg"), ("read", TWO, subject)], "wall_s");
        Some(format!("{points} by key{}", reads.map_or(String::new(), |r| format!(", {r} reading many rows"))))
    }
}

/// Those that were measured, one after the other.
fn several(figures: impl IntoIterator<Item = Figure>) -> Figure {
    let found: Vec<_> = figures.into_iter().flatten().collect();
    (!found.is_empty()).then(|| found.join("; "))
}

/// The table.
pub(crate) fn table(results: &Results) -> String {
    let c = Claims(results);
    let each = |figure: &dyn Fn(&str) -> Figure| COLUMNS.map(figure);
    let by_ops = |workloads: [&str; 2], placements: &[&str]| {
        each(&|s| {
            several(workloads.into_iter().flat_map(|w| placements.iter().map(|p| c.ops(w, p, s)).collect::<Vec<_>>()))
        })
    };
    let psql = c.times([("copy-text", TWO, "psql, text"), ("copy-text", TWO, "psql, binary")], "wall_s");
    let prepared = [("prepared", TWO, "pgbench, prepared"), ("prepared", TWO, "pgbench, unprepared")];
    let pgbench = c.times(prepared, "ops_per_s");
    let executemany = [("insert-50000", TWO, "asyncpg, executemany"), ("insert-50000", TWO, "pgrepo, COPY")];
    let executemany =
        c.times(executemany, "p50_us").map(|t| format!("its executemany takes {t} as long as pgrepo's COPY"));
    let single = match c.added("point-query", TWO, "pgrepo") {
        Some(_) => SINGLE.to_owned(),
        None => SINGLE.replacen(". ", ". Memory is not read in this workload. ", 1),
    };
    let (largest_rows, measured) = c.largest();
    let largest = match measured {
        true => format!("{} narrow rows into an unlogged table; asyncpg was not asked to.", number(largest_rows)),
        false => "The largest load here has 1,000,000 rows.".to_owned(),
    };
    let rows: [(&str, [Figure; 2], &str); 16] = [
        (
            "single query: 25,000/s, 1 MB, 0.4 ms",
            each(&|s| several([TWO, ONE].map(|p| c.ops("point-query", p, s)))),
            &single,
        ),
        (
            "COPY, 10,000 records: 100,000/s, 8 MB, 100 ms",
            [
                c.loads("pgrepo"),
                c.loads("asyncpg").or_else(|| {
                    Some(format!("{} (loads of 1,000,000)", c.flow("copy-unlogged", "asyncpg", c.million())?))
                }),
            ],
            "Wide rows. 10,000 at a time into an unlogged table on one warm connection.",
        ),
        (
            "COPY: 8 MB",
            each(&|s| c.added("copy-null", TWO, s)),
            "The client's added memory during a load of 1,000,000 rows.",
        ),
        (
            "streaming 1 M records: 150,000/s, 30 MB",
            each(&|s| c.flow("read", s, c.million())),
            "Wide rows into structs, or into what the library hands out.",
        ),
        (
            "complex join: 8,000/s, 15 MB, 5 ms",
            each(&|s| c.ops("join", TWO, s)),
            "Three tables, one customer. What the document joins is not known.",
        ),
        (
            "JSON/JSONB query: 12,000/s, 3 MB, 2 ms",
            by_ops(["json-path", "contains"], &[TWO]),
            "First by a path with an index on it, ten rows each; then by containment with a GIN index. What the document asks for is not known.",
        ),
        (
            "concurrent operations: 45,000/s, 25 MB, 1–3 ms",
            by_ops(["pool-20", "pool-50"], &[FREE, ONE]),
            "50 tasks over 20 and over 50 connections; a row by its key.",
        ),
        (
            "COPY 50 × faster than INSERT",
            [several([c.row_by_row(TWO), c.row_by_row(ONE)]), executemany],
            "50,000 wide rows, COPY beside row by row. Row by row, each row is a statement that waits for its answer, in one transaction: a farther server makes the ratio larger, and so does a commit for each row.",
        ),
        (
            "10 × faster for concurrent operations",
            each(&|s| c.tasks(s)),
            "50 tasks over 50 connections beside one connection, all on one processor. It grows with the processors that the server has.",
        ),
        (
            "binary 3 × faster than text",
            [psql.map(|t| format!("psql: {t}")), None],
            "Neither library copies text: psql does, of a file that is ready. The server's part alone.",
        ),
        (
            "prepared statements 2 × faster",
            [pgbench.map(|t| format!("pgbench: {t}")), None],
            "pgbench with and without: the server's part alone. Both libraries prepare by themselves.",
        ),
        (
            "asyncpg 3 × faster than psycopg2",
            each(&|s| c.beside_psycopg(s)),
            "Beside psycopg 3; psycopg2 was not measured.",
        ),
        (
            "memory-efficient streaming, 30 MB for 1 M records",
            each(&|s| c.added("read", TWO, s)),
            "1,000,000 wide rows, one at a time.",
        ),
        ("10 M records in a single COPY", [c.flow(LARGEST, "pgrepo", largest_rows), None], &largest),
        ("50 and more connections at once", each(&|s| c.ops("pool-50", FREE, s)), "50 connections."),
        ("pipeline mode for batches", [None, None], "asyncpg has none to be called; pgrepo has none yet."),
    ];
    let mut text = "| the document says | pgrepo here | asyncpg here | beside what |\n|---|---|---|---|\n".to_owned();
    for (claim, figures, baseline) in rows {
        let [ours, theirs] = figures.map(|figure| figure.unwrap_or_else(|| NONE.to_owned()));
        text += &format!("| {claim} | {ours} | {theirs} | {baseline} |\n");
    }
    text
}
