//! What is measured: the workloads, and who takes part in each.

mod subjects;

use crate::place::Placement::{self, Free, One, Two};
use crate::tables::{KEYED, LOGGED, MERGED, MERGED_ROWS, NOTHING, STORED, UNLOGGED};
use crate::task::{Library, Work};

pub(crate) use subjects::Subject;
use subjects::*;

/// How large a workload is, in a full run and in a quick one.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) full: u32,
    pub(crate) quick: u32,
}

const fn rows(full: u32, quick: u32) -> Size {
    Size { full, quick }
}

/// How long operations are repeated, in seconds, in a full run and in a quick one.
pub(crate) const SECONDS: [f64; 2] = [1.0, 0.2];

/// How often each subject of a workload runs, in a full run and in a quick one.
const ROUNDS: [usize; 2] = [5, 1];

/// The rows of the table that is read.
pub(crate) const STORED_ROWS: Size = rows(1_000_000, 50_000);

/// A workload. All its subjects run one after the other, then all again: each meets the same drift of the machine.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    pub(crate) rows: Size,
    pub(crate) connections: usize,
    pub(crate) tasks: usize,
    /// The database; none for what needs no server.
    pub(crate) database: Option<&'static str>,
    pub(crate) sql: &'static str,
    /// Over the unix socket and not over TCP.
    pub(crate) socket: bool,
    /// Each makes a series of its own.
    pub(crate) placements: &'static [Placement],
    pub(crate) subjects: &'static [Subject],
    /// Takes long: it runs once, and in a quick run only if it is named.
    pub(crate) long: bool,
}

impl Workload {
    pub(crate) fn rounds(&self, quick: bool) -> usize {
        if self.long { 1 } else { ROUNDS[usize::from(quick)] }
    }
}

/// What most workloads have.
const PLAIN: Workload = Workload {
    name: "",
    work: Work::Point,
    rows: rows(1, 1),
    connections: 1,
    tasks: 1,
    database: None,
    sql: "",
    socket: false,
    placements: &[Two],
    subjects: &[],
    long: false,
};

const MILLION: Size = rows(1_000_000, 50_000);

/// A load of many rows.
const fn load(name: &'static str, database: &'static str, subjects: &'static [Subject]) -> Workload {
    Workload { name, work: Work::CopyIn, rows: MILLION, database: Some(database), subjects, ..PLAIN }
}

/// Repeated loads of few rows.
const fn small(name: &'static str, count: u32) -> Workload {
    Workload {
        name,
        work: Work::Insert,
        rows: rows(count, count),
        // What a disk takes to write a commit down would hide what a client does.
        database: Some(UNLOGGED),
        placements: &[One, Two],
        subjects: &[RAW, PGREPO, TOKIO_POSTGRES, SQLX, ASYNCPG],
        ..PLAIN
    }
}

/// Over the unix socket.
const fn small_by_socket(name: &'static str, count: u32) -> Workload {
    Workload { socket: true, subjects: &[PGREPO, TOKIO_POSTGRES, SQLX], ..small(name, count) }
}

/// The same rows by COPY and by arrays, to find where one overtakes the other.
const fn crossover(name: &'static str, count: u32) -> Workload {
    Workload { subjects: CROSSOVER, ..small(name, count) }
}

/// Fifty tasks over a pool.
const fn pool(name: &'static str, connections: usize) -> Workload {
    Workload { work: Work::Pool, connections, tasks: 50, placements: &[Free, One], subjects: POOLS, ..by_key(name) }
}

/// Fifty tasks that get rows by key over few connections.
const fn loader(name: &'static str, connections: usize) -> Workload {
    Workload { subjects: &[GET, PIPELINED, PG_POOL], ..pool(name, connections) }
}

const fn by_key(name: &'static str) -> Workload {
    Workload {
        name,
        work: Work::Point,
        rows: rows(100_000, 100_000),
        database: Some(KEYED),
        sql: "SELECT id, name, email, age, active, balance, created_at, uid, profile, tags FROM wide WHERE id = $1",
        placements: &[One, Two],
        subjects: &[PGBENCH, PGREPO, TOKIO_POSTGRES, SQLX, DIESEL, ASYNCPG, PSYCOPG],
        ..PLAIN
    }
}

/// A question on one connection.
const fn question(name: &'static str, work: Work, count: u32, sql: &'static str) -> Workload {
    Workload {
        name,
        work,
        rows: rows(count, count),
        database: Some(KEYED),
        sql,
        placements: &[One, Two],
        subjects: &[PGBENCH, PGREPO, TOKIO_POSTGRES, SQLX, ASYNCPG],
        ..PLAIN
    }
}

const CODEC: Workload = Workload { placements: &[One], ..PLAIN };

/// Those whose rows are made anew, in another language; see the check.
pub(crate) const CHECKED: Workload = Workload {
    rows: rows(10_000, 10_000),
    subjects: &[subject("asyncpg", Library::Asyncpg, "first"), subject("psycopg", Library::Psycopg, "first")],
    ..load("check", UNLOGGED, &[])
};

/// All workloads, in the order in which they run and are reported.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload { name: "encode-wide", work: Work::EncodeWide, subjects: ENCODERS, ..CODEC },
    Workload { name: "encode-narrow", work: Work::EncodeNarrow, subjects: ENCODERS, ..CODEC },
    Workload {
        name: "decode-copy",
        work: Work::DecodeCopy,
        database: Some(STORED),
        subjects: &[
            HAND,
            subject("hand-written, borrowed", Library::Raw, "borrowed"),
            PGREPO,
            subject("pgrepo, borrowed", Library::Pgrepo, "borrowed"),
            TOKIO_POSTGRES,
        ],
        ..CODEC
    },
    Workload {
        name: "decode-query",
        work: Work::DecodeQuery,
        database: Some(STORED),
        subjects: &[
            PGREPO,
            subject("pgrepo, borrowed", Library::Pgrepo, "borrowed"),
            subject("pgrepo, sqlx::FromRow", Library::Pgrepo, "sqlx::FromRow"),
            TOKIO_POSTGRES,
            SQLX,
        ],
        ..CODEC
    },
    load("copy-null", NOTHING, &[RAW, PGREPO, TOKIO_POSTGRES, SQLX, ASYNCPG, PSYCOPG]),
    load("copy-unlogged", UNLOGGED, &[PSQL, RAW, PGREPO, TOKIO_POSTGRES, SQLX, ASYNCPG]),
    load("copy-logged", LOGGED, &[PSQL, PGREPO, TOKIO_POSTGRES, SQLX]),
    Workload { socket: true, ..load("copy-logged-socket", LOGGED, &[PSQL, PGREPO, TOKIO_POSTGRES]) },
    Workload {
        connections: 2,
        placements: &[Free],
        ..load(
            "copy-parallel",
            LOGGED,
            &[
                subject("pgrepo, one connection", Library::Pgrepo, "one"),
                subject("pgrepo, two connections", Library::Pgrepo, ""),
            ],
        )
    },
    load(
        "load-tolerant",
        UNLOGGED,
        &[
            PGREPO,
            subject("pgrepo, tolerant", Library::Pgrepo, "tolerant"),
            subject("pgrepo, owned rows", Library::Pgrepo, "owned"),
            subject("pgrepo, tolerant, owned rows", Library::Pgrepo, "tolerant owned"),
        ],
    ),
    Workload {
        work: Work::Merge,
        rows: rows(MERGED_ROWS, MERGED_ROWS),
        ..load("merge", MERGED, &[PGREPO, TOKIO_POSTGRES, SQLX])
    },
    load(
        "copy-text",
        UNLOGGED,
        &[subject("psql, binary", Library::Programs, ""), subject("psql, text", Library::Programs, "text")],
    ),
    Workload {
        work: Work::CopyNarrow,
        rows: rows(10_000_000, 500_000),
        long: true,
        ..load("copy-10m", UNLOGGED, &[PSQL, PGREPO])
    },
    small("copy-1", 1),
    small("copy-100", 100),
    small("copy-1000", 1_000),
    small("copy-10000", 10_000),
    small("copy-100000", 100_000),
    Workload { database: Some(LOGGED), placements: &[One], ..small("copy-100-logged", 100) },
    small_by_socket("copy-1-socket", 1),
    small_by_socket("copy-100-socket", 100),
    small_by_socket("copy-1000-socket", 1_000),
    crossover("insert-1", 1),
    crossover("insert-10", 10),
    crossover("insert-100", 100),
    crossover("insert-1000", 1_000),
    crossover("insert-10000", 10_000),
    Workload {
        rows: rows(50_000, 5_000),
        database: Some(LOGGED),
        subjects: &[
            INSERT_MANY,
            subject("pgrepo, COPY", Library::Pgrepo, ""),
            subject("pgrepo, UNNEST", Library::Pgrepo, "unnest"),
            subject("pgrepo, row by row", Library::Pgrepo, "row by row"),
            PIPELINED,
            subject("sqlx, UNNEST", Library::Sqlx, "unnest"),
            subject("sqlx, row by row", Library::Sqlx, "row by row"),
            subject("diesel-async, VALUES", Library::Diesel, "values"),
            subject("asyncpg, executemany", Library::Asyncpg, "executemany"),
            subject("psycopg, executemany", Library::Psycopg, "executemany"),
        ],
        ..small("insert-50000", 0)
    },
    Workload {
        name: "read",
        work: Work::Read,
        rows: STORED_ROWS,
        database: Some(STORED),
        sql: "SELECT id, name, email, age, active, balance, created_at, uid, profile, tags FROM wide",
        subjects: &[
            RAW,
            PGREPO,
            subject("pgrepo, COPY", Library::Pgrepo, "copy"),
            subject("pgrepo, borrowed", Library::Pgrepo, "borrowed"),
            subject("pgrepo, COPY, borrowed", Library::Pgrepo, "copy borrowed"),
            TOKIO_POSTGRES,
            SQLX,
            DIESEL,
            ASYNCPG,
            PSYCOPG,
        ],
        ..PLAIN
    },
    Workload {
        subjects: &[
            PGBENCH,
            PGREPO,
            subject("pgrepo, typed key", Library::Pgrepo, "typed key"),
            TOKIO_POSTGRES,
            SQLX,
            DIESEL,
            ASYNCPG,
            PSYCOPG,
        ],
        ..by_key("point-query")
    },
    Workload {
        subjects: &[
            subject("pgbench, prepared", Library::Programs, ""),
            subject("pgbench, unprepared", Library::Programs, "extended"),
        ],
        ..by_key("prepared")
    },
    pool("pool-20", 20),
    pool("pool-50", 50),
    loader("loader-1", 1),
    loader("loader-2", 2),
    Workload { subjects: &[PGBENCH, GET, PIPELINED, PG_POOL], ..loader("loader-8", 8) },
    Workload {
        work: Work::Write,
        rows: rows(1_000, 1_000),
        database: Some(UNLOGGED),
        sql: "",
        subjects: &[subject("pgrepo, insert", Library::Pgrepo, ""), PIPELINED, PG_POOL],
        ..pool("writer", 1)
    },
    Workload {
        name: "short-transaction",
        work: Work::Transfer,
        rows: rows(1_000, 1_000),
        database: Some(UNLOGGED),
        placements: &[One, Two],
        subjects: &[subject("pgrepo, transaction", Library::Pgrepo, ""), PIPELINED, TOKIO_POSTGRES, SQLX],
        ..PLAIN
    },
    Workload {
        subjects: &[
            PGBENCH,
            PGREPO,
            subject("pgrepo, typed path", Library::Pgrepo, "typed path"),
            TOKIO_POSTGRES,
            SQLX,
            ASYNCPG,
        ],
        ..question(
            "json-path",
            Work::JsonPath,
            1_000,
            "SELECT id, name, email, age, active, balance, created_at, uid, profile, tags FROM wide \
             WHERE profile #>> '{settings,logins}' = $1 LIMIT 10",
        )
    },
    question(
        "contains",
        Work::Contains,
        1_000,
        "SELECT id, name, email, age, active, balance, created_at, uid, profile, tags FROM wide WHERE profile @> $1",
    ),
    question(
        "join",
        Work::Join,
        10_000,
        "SELECT c.name, o.id, i.price * o.pieces AS price FROM customers c JOIN orders o ON o.customer_id = c.id \
         JOIN items i ON i.id = o.item_id WHERE c.id = $1",
    ),
    Workload {
        name: "early-stop",
        work: Work::EarlyStop,
        rows: rows(2_000_000, 200_000),
        database: Some(STORED),
        sql: "SELECT a.id, a.name, a.email, a.age, a.active, a.balance, a.created_at, a.uid, a.profile, a.tags \
              FROM wide a, generate_series(1, 40) LIMIT 2000000",
        subjects: &[
            PGREPO,
            TOKIO_POSTGRES,
            subject("tokio-postgres, cancelled", Library::TokioPostgres, "cancel"),
            PG_POOL,
            ASYNCPG,
        ],
        ..PLAIN
    },
];
