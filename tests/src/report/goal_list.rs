//! All goals. They are ratios measured side by side in one run, since absolute figures differ from machine to machine.

use super::goals::Bound::{self, AtLeast, AtMost, Faster, Limit, Never};
use super::goals::Goal;

const ONE: &str = "one processor";
const TWO: &str = "two processors";
const FREE: &str = "free";

const PGREPO: &str = "pgrepo";
const COPY: &str = "pgrepo, COPY";
const UNNEST: &str = "pgrepo, UNNEST";
const ROW_BY_ROW: &str = "pgrepo, row by row";
const BORROWED: &str = "pgrepo, borrowed";
const COPY_BORROWED: &str = "pgrepo, COPY, borrowed";

const HAND: &[&str] = &["hand-written"];
const RAW: &[&str] = &["raw socket"];
const PEER: &[&str] = &["tokio-postgres"];
const PIPELINED: &[&str] = &["tokio-postgres, pipelined"];
const PSQL: &[&str] = &["psql"];
const ASYNCPG: &[&str] = &["asyncpg"];
const DEADPOOL: &[&str] = &["deadpool-postgres"];
const PG_POOL: &[&str] = &["sqlx PgPool"];
const FROM_ROW: &[&str] = &["sqlx FromRow + serde"];
const STRICT: &[&str] = &["pgrepo"];
const STRICT_OWNED: &[&str] = &["pgrepo, owned rows"];
const SILENT: &[&str] = &["pgrepo, spans compiled out"];
const READERS: &[&str] = &["tokio-postgres", "sqlx", "diesel-async", "asyncpg", "psycopg"];

const LOADER: &str = "many tasks' lookups by key are not gathered into one statement";
const WRITER: &str = "many tasks' inserts are not gathered into one statement";
const BATCH: &str = "several typed statements cannot be sent in one round trip";

type Name = &'static str;

const fn goal(
    workload: Name,
    placement: Name,
    metric: Name,
    ours: Name,
    bound: Bound,
    theirs: &'static [Name],
) -> Goal {
    Goal { workload, placement, metric, ours, theirs, bound, missing: None }
}

const fn later(missing: Name, goal: Goal) -> Goal {
    Goal { missing: Some(missing), ..goal }
}

/// `insert_many` takes the better way at every size.
const fn many(workload: Name) -> Goal {
    goal(workload, ONE, "p50_us", "pgrepo, insert_many", AtMost(1.05), &[COPY, UNNEST])
}

/// Tasks that get by key over few connections.
const fn loader(workload: Name, times: f64) -> Goal {
    later(LOADER, goal(workload, FREE, "ops_per_s", "pgrepo, loader", AtLeast(times), PIPELINED))
}

/// All goals, in the order of the report.
pub(crate) const GOALS: &[Goal] = &[
    goal("encode-wide", ONE, "ns_per_row", PGREPO, AtMost(1.03), HAND),
    goal("encode-wide", ONE, "ns_per_row", PGREPO, AtMost(0.56), PEER),
    goal("encode-narrow", ONE, "ns_per_row", PGREPO, AtMost(1.1), HAND),
    goal("encode-narrow", ONE, "ns_per_row", PGREPO, AtMost(0.37), PEER),
    goal("decode-copy", ONE, "ns_per_row", PGREPO, AtMost(0.93), PEER),
    goal("decode-copy", ONE, "ns_per_row", BORROWED, AtMost(0.06), PEER),
    goal("decode-query", ONE, "ns_per_row", PGREPO, AtMost(1.0), PEER),
    goal("decode-query", ONE, "ns_per_row", BORROWED, AtMost(0.2), PEER),
    goal("copy-null", TWO, "cpu_s", PGREPO, AtMost(0.52), PEER),
    goal("copy-null", TWO, "cpu_s", PGREPO, AtMost(1.05), RAW),
    goal("copy-null", TWO, "cpu_s", PGREPO, AtMost(0.05), ASYNCPG),
    goal("copy-null", TWO, "added_rss_kib", PGREPO, Limit(1024.0), &[]),
    goal("copy-unlogged", TWO, "added_rss_kib", PGREPO, Limit(1024.0), &[]),
    goal("copy-logged", TWO, "added_rss_kib", PGREPO, Limit(1024.0), &[]),
    goal("copy-unlogged", TWO, "wall_s", PGREPO, AtMost(1.03), PSQL),
    goal("copy-logged", TWO, "wall_s", PGREPO, AtMost(1.03), PSQL),
    goal("copy-logged-socket", TWO, "wall_s", PGREPO, AtMost(1.03), PSQL),
    goal("copy-parallel", FREE, "wall_s", "pgrepo, two connections", Faster(1.6), &["pgrepo, one connection"]),
    goal("load-tolerant", TWO, "cpu_s", "pgrepo, tolerant", AtMost(1.05), STRICT),
    goal("load-tolerant", TWO, "cpu_s", "pgrepo, tolerant, owned rows", AtMost(1.05), STRICT_OWNED),
    goal("copy-1", ONE, "p50_us", PGREPO, AtMost(1.05), PEER),
    goal("copy-1", TWO, "p50_us", PGREPO, AtMost(1.05), PEER),
    goal("copy-1", TWO, "over_40_ms", PGREPO, Never, &[]),
    goal("copy-100", ONE, "p50_us", PGREPO, AtMost(1.05), PEER),
    goal("copy-100", TWO, "p50_us", PGREPO, AtMost(1.05), PEER),
    goal("copy-100", TWO, "over_40_ms", PGREPO, Never, &[]),
    goal("copy-1000", ONE, "p50_us", PGREPO, AtMost(1.05), PEER),
    goal("copy-1000", TWO, "p50_us", PGREPO, AtMost(1.05), PEER),
    goal("copy-1000", TWO, "over_40_ms", PGREPO, Never, &[]),
    goal("insert-50000", ONE, "p50_us", COPY, Faster(2.2), &[UNNEST]),
    goal("insert-50000", ONE, "p50_us", COPY, Faster(5.0), &[ROW_BY_ROW]),
    goal("insert-50000", TWO, "p50_us", COPY, Faster(33.0), &[ROW_BY_ROW]),
    many("insert-1"),
    many("insert-10"),
    many("insert-100"),
    many("insert-1000"),
    many("insert-10000"),
    many("insert-50000"),
    goal("read", TWO, "cpu_s", PGREPO, AtMost(1.0), PEER),
    goal("read", TWO, "cpu_s", COPY, AtMost(0.87), PEER),
    goal("read", TWO, "cpu_s", BORROWED, AtMost(0.6), PEER),
    goal("read", TWO, "cpu_s", COPY_BORROWED, AtMost(0.6), PEER),
    goal("read", TWO, "wall_s", PGREPO, AtMost(1.03), READERS),
    goal("read", TWO, "wall_s", COPY, AtMost(1.03), READERS),
    goal("read", TWO, "added_rss_kib", PGREPO, Limit(4096.0), &[]),
    goal("read", TWO, "added_rss_kib", COPY, Limit(4096.0), &[]),
    goal("point-query", ONE, "ops_per_s", PGREPO, AtLeast(0.97), PEER),
    goal("point-query", TWO, "ops_per_s", PGREPO, AtLeast(0.97), PEER),
    goal("point-query", ONE, "ops_per_s", PGREPO, AtLeast(1.6), ASYNCPG),
    goal("point-query", TWO, "ops_per_s", PGREPO, AtLeast(1.6), ASYNCPG),
    goal("pool-20", FREE, "ops_per_s", PGREPO, AtLeast(1.1), DEADPOOL),
    goal("pool-20", ONE, "ops_per_s", PGREPO, AtLeast(1.1), DEADPOOL),
    goal("pool-20", FREE, "p99_us", PGREPO, AtMost(1.2), DEADPOOL),
    goal("pool-20", ONE, "p99_us", PGREPO, AtMost(1.2), DEADPOOL),
    goal("pool-20", FREE, "ops_per_s", PGREPO, AtLeast(1.8), PG_POOL),
    goal("pool-20", ONE, "ops_per_s", PGREPO, AtLeast(1.8), PG_POOL),
    goal("pool-50", FREE, "ops_per_s", PGREPO, AtLeast(1.2), DEADPOOL),
    goal("pool-50", ONE, "ops_per_s", PGREPO, AtLeast(1.2), DEADPOOL),
    goal("pool-50", FREE, "p99_us", PGREPO, AtMost(1.2), DEADPOOL),
    goal("pool-50", ONE, "p99_us", PGREPO, AtMost(1.2), DEADPOOL),
    goal("pool-50", FREE, "ops_per_s", PGREPO, AtLeast(1.8), PG_POOL),
    goal("pool-50", ONE, "ops_per_s", PGREPO, AtLeast(1.8), PG_POOL),
    loader("loader-1", 1.3),
    loader("loader-2", 1.7),
    loader("loader-8", 1.2),
    later(WRITER, goal("writer", FREE, "ops_per_s", "pgrepo, writer", AtLeast(3.0), PIPELINED)),
    later(BATCH, goal("short-transaction", TWO, "ops_per_s", "pgrepo, batch", AtLeast(0.9), PIPELINED)),
    goal("json-path", TWO, "ops_per_s", PGREPO, AtLeast(0.97), PEER),
    goal("json-path", TWO, "ops_per_s", "pgrepo, typed path", AtLeast(0.97), PEER),
    goal("contains", TWO, "ops_per_s", PGREPO, AtLeast(0.97), PEER),
    goal("join", TWO, "ops_per_s", PGREPO, AtLeast(0.97), PEER),
    goal("early-stop", TWO, "next_ms", PGREPO, Limit(100.0), &[]),
    goal("observed", FREE, "instructions", "pgrepo, nobody listens", AtMost(1.03), SILENT),
    goal("observed", FREE, "instructions", "pgrepo, with metrics, nobody listens", AtMost(1.03), SILENT),
    goal("build-cost", "", "expansion_kib", PGREPO, AtMost(1.3), FROM_ROW),
    goal("build-cost", "", "added_check_s", PGREPO, AtMost(1.3), FROM_ROW),
    goal("build-cost", "", "added_build_s", PGREPO, AtMost(1.3), FROM_ROW),
];
