//! What one process of the benchmark is asked to do, and what it answers.

use std::collections::BTreeMap;
use std::error::Error;

use serde::{Deserialize, Serialize};

pub(crate) type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// What a process measured: metric names, with their unit as the last part, and values.
///
/// | metric | what |
/// |---|---|
/// | `wall_s`, `cpu_s` | of the measured part; the processor time is the client's own |
/// | `added_rss_kib` | the peak of resident memory during the measured part, less what was resident at its start |
/// | `ops_per_s`, `p50_us`, `p99_us` | of one operation, over the measured seconds |
/// | `over_40_ms` | how many operations took longer, as one that waits for a delayed acknowledgement does |
/// | `ns_per_row` | of encoding and decoding |
/// | `next_ms` | what the next user of the connection or pool waits |
pub(crate) type Metrics = BTreeMap<String, f64>;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// Wide or narrow rows into binary COPY, without a server.
    EncodeWide,
    EncodeNarrow,
    /// Wide rows that were fetched before, by COPY or by a query, into structs. In the way `borrowed` the structs
    /// allocate nothing and leave the document unparsed.
    DecodeCopy,
    DecodeQuery,
    /// `rows` generated wide rows into `wide` over `connections` connections, each in a task of its own; once. In the way
    /// `first` it is the first rows, and not some of them again and again.
    ///
    /// In the ways `owned` and `tolerant owned` each row is handed over, and not lent; in the ways with `tolerant` bad rows
    /// would be handed back.
    CopyIn,
    /// `rows` wide rows merged into `wide` by their keys, once: see the table of [`MERGED`](crate::tables::MERGED).
    Merge,
    /// `rows` generated narrow rows into `narrow`; once.
    CopyNarrow,
    /// `rows` wide rows into `wide`, again and again on one warm connection: by COPY, or as the way says.
    Insert,
    /// All rows of `wide` into structs, one at a time: by a query, or in the ways `copy`, `borrowed`, `copy borrowed`.
    Read,
    /// `sql` with the key (int8) of one of the `rows` first rows of `wide`, into a struct, on one connection.
    Point,
    /// The same by `tasks` tasks over a pool of `connections`; a task takes a connection for each query. In the way
    /// `pipelined` the tasks share the connections.
    Pool,
    /// One of `rows` rows into `wide` by a statement of its own, by `tasks` tasks over `connections`.
    Write,
    /// A transaction of three statements, on one connection, between two of `rows` accounts.
    Transfer,
    /// `sql` with a text; all its rows into structs. See [`Task::question`].
    JsonPath,
    /// `sql` with a document.
    Contains,
    /// `sql` with a number (int8); the result is a text, an int8 and a float8.
    Join,
    /// Ten rows of `sql`'s are read, then the stream is dropped: how long does the next query of the same pool of one wait?
    EarlyStop,
}

/// Whose code does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Library {
    Pgrepo,
    TokioPostgres,
    Sqlx,
    Diesel,
    /// Bytes over a socket, and code written for these rows only.
    Raw,
    /// psql and pgbench.
    Programs,
    Asyncpg,
    Psycopg,
}

impl Library {
    pub(crate) fn is_python(self) -> bool {
        matches!(self, Self::Asyncpg | Self::Psycopg)
    }
}

/// One run of one subject, for a process of its own; passed to it as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) work: Work,
    pub(crate) library: Library,
    /// Which of the library's ways, where it has several: `unnest`, `pipelined`, …; else empty.
    pub(crate) way: String,
    /// An address, or the folder of a unix socket.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
    /// The statement, where the work has one; `$1` is its parameter.
    pub(crate) sql: String,
    pub(crate) rows: u32,
    pub(crate) connections: usize,
    pub(crate) tasks: usize,
    /// For how long operations are repeated.
    pub(crate) seconds: f64,
    /// The processor that the process is held on; any, if none.
    pub(crate) processor: Option<usize>,
    /// The folder with the server's own programs.
    pub(crate) programs: String,
}

impl Task {
    /// The database's URL, as sqlx, pgrepo and libpq read it.
    pub(crate) fn url(&self) -> String {
        let Self { host, port, user, password, database, .. } = self;
        match host.starts_with('/') {
            true => {
                format!("postgres://{user}:{password}@localhost:{port}/{database}?host={}", host.replace('/', "%2F"))
            }
            false => format!("postgres://{user}:{password}@{host}:{port}/{database}?sslmode=disable"),
        }
    }

    /// What the `n`th operation of [`Work::JsonPath`] and [`Work::Contains`] asks for.
    pub(crate) fn question(&self, n: u64) -> String {
        let wanted = crate::meter::pick(n, self.rows);
        match self.work {
            Work::Contains => format!("{{\"scores\": [{wanted}]}}"),
            _ => wanted.to_string(),
        }
    }

    /// The error of a subject that was asked for something which it does not do.
    pub(crate) fn unknown<T>(&self) -> Result<T> {
        Err(format!("{:?} does not do {:?} in the way {:?}", self.library, self.work, self.way).into())
    }
}
