//! What a database is doing.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Db, Handle};
use crate::query::query;

use super::seconds;
use super::shown::{Ago, Bytes, Line, Took};

/// A database as the server counts it: what [`Db::database_stats`] returns.
///
/// All of it is told by one statement. Counts are of this database since `counted_since`, and the server may be a moment
/// behind with them (<https://www.postgresql.org/docs/current/monitoring-stats.html>). Any role may ask; what it is not
/// allowed to see is `None`, or counted as [`hidden`](ConnectionStats::hidden). Serialised, times are seconds, of points in
/// time since 1970; shown by `{}`, it is a few aligned lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DatabaseStats {
    /// The database's name.
    pub name: String,
    /// The server's version, as it says it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
    /// The same as a number: 150018.
    pub version_number: u32,
    /// How long the server has been up.
    #[serde(with = "seconds::duration")]
    pub uptime: Duration,
    /// The database's size on disk, in bytes.
    pub size_bytes: u64,
    /// The same as the server shows it: `12 MB`.
    pub size: String,
    /// Its tables, without the server's own; one with partitions is one.
    pub tables: u64,
    /// Its sessions.
    pub connections: ConnectionStats,
    /// Which part of the blocks that were asked for was in the server's memory, from 0 to 1; `None` before the first.
    pub cache_hit_ratio: Option<f64>,
    /// Transactions that were committed.
    pub commits: u64,
    /// Transactions that were rolled back.
    pub rollbacks: u64,
    /// Deadlocks that were found.
    pub deadlocks: u64,
    /// Files that queries had to write because they had too little memory.
    pub temporary_files: u64,
    /// The bytes that were written to these.
    pub temporary_bytes: u64,
    /// When the counting began; `None` if it was never begun anew.
    #[serde(with = "seconds::time")]
    pub counted_since: Option<SystemTime>,
    /// How long the oldest transaction has been open, of the sessions that the role may see; this statement's own is none.
    #[serde(with = "seconds::optional")]
    pub longest_transaction: Option<Duration>,
    /// How long the oldest query has been running, of the sessions that the role may see.
    #[serde(with = "seconds::optional")]
    pub longest_query: Option<Duration>,
    /// Whether the server is a standby, and how far behind whom.
    pub replication: Replication,
}

/// The sessions of a database, by what they do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// A query runs.
    pub active: u64,
    /// Waiting for a command.
    pub idle: u64,
    /// Waiting for a command within a transaction.
    pub idle_in_transaction: u64,
    /// Anything else, such as a fast-path call.
    pub other: u64,
    /// Other roles', of which this role may not see what they do: it is not a member of `pg_read_all_stats`.
    pub hidden: u64,
    /// The sessions of all databases of the server, its own workers that are in one among them.
    pub server: u64,
    /// How many the server takes: `max_connections`. The last of them, `superuser_reserved_connections`, are for superusers.
    pub limit: u64,
}

impl ConnectionStats {
    /// The sessions of this database.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// assert!(db.database_stats().await?.connections.total() >= 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn total(&self) -> u64 {
        self.active + self.idle + self.idle_in_transaction + self.other + self.hidden
    }
}

/// What the server is in a replication.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Replication {
    /// It takes writes.
    Primary {
        /// Those that follow it; `None` if the role may not see them.
        standbys: Option<Vec<StandbyStats>>,
    },
    /// It follows another server, and only reads.
    Standby {
        /// How long ago the last transaction that it has was committed: also long where none has been since. `None`
        /// before the first.
        #[serde(with = "seconds::optional")]
        behind: Option<Duration>,
        /// What it has received and not done yet, in bytes; `None` if it does not receive a stream.
        unreplayed_bytes: Option<u64>,
    },
}

/// A server that follows this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StandbyStats {
    /// Its `application_name`.
    pub name: String,
    /// Its address; `None` over a Unix socket.
    pub address: Option<String>,
    /// How far it is: `streaming`, `catchup` and the like.
    pub state: Option<String>,
    /// How long it took to replay what was written last; `None` where nothing is under way.
    #[serde(with = "seconds::optional")]
    pub behind: Option<Duration>,
    /// What it has not replayed yet, in bytes.
    pub unreplayed_bytes: Option<u64>,
}

impl DatabaseStats {
    /// Asks for them: what [`Db::database_stats`] calls, also in a transaction.
    ///
    /// # Errors
    /// The server could not be asked.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// let stats = pgrepo::DatabaseStats::fetch(&mut tx).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch(on: impl Handle) -> Result<Self> {
        const OPERATION: &str = "database_stats";
        let found: String = query(on, include_str!("stats.sql")).named(OPERATION).idempotent().fetch_val().await?;
        serde_json::from_str(&found).map_err(|e| {
            Error::new(ErrorKind::Decode, "the catalog's answer cannot be read").during(OPERATION).caused_by(e)
        })
    }
}

impl Db {
    /// Asks the server what it has counted of this database: its size, connections, cache, transactions, replication.
    ///
    /// The server sees one statement over its catalog and its statistics. Any role may ask. Sizing the files takes it a
    /// moment where there are many, so this is for a page or a minute's metric, not for each request.
    ///
    /// # Errors
    /// The server could not be asked.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let stats = db.database_stats().await?;
    /// println!("{stats}");
    /// if stats.cache_hit_ratio.is_some_and(|ratio| ratio < 0.9) {
    ///     println!("the server reads much from its disk");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn database_stats(&self) -> Result<DatabaseStats> {
        DatabaseStats::fetch(self).await
    }
}

impl fmt::Display for DatabaseStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, uptime, size, tables, connections: c, .. } = self;
        let version = version.split_whitespace().next().unwrap_or_default();
        writeln!(f, "database {name} on PostgreSQL {version}, up {}", Took(*uptime))?;
        writeln!(f, "{}{size} in {tables} tables", Line("size"))?;
        write!(
            f,
            "{}{} active, {} idle, {} idle in a transaction",
            Line("connections"),
            c.active,
            c.idle,
            c.idle_in_transaction
        )?;
        if c.other > 0 {
            write!(f, ", {} other", c.other)?;
        }
        if c.hidden > 0 {
            write!(f, ", {} not to be seen", c.hidden)?;
        }
        writeln!(f, "; {} of {} on the server", c.server, c.limit)?;
        match self.cache_hit_ratio {
            Some(ratio) => writeln!(f, "{}{:.1} % of the blocks", Line("found in cache"), ratio * 100.0)?,
            None => writeln!(f, "{}no block was asked for yet", Line("found in cache"))?,
        }
        write!(f, "{}{} committed, {} rolled back", Line("transactions"), self.commits, self.rollbacks)?;
        writeln!(f, ", {} deadlocks{}", self.deadlocks, Ago(", counted since", self.counted_since))?;
        writeln!(f, "{}{} files, {}", Line("temporary"), self.temporary_files, Bytes(self.temporary_bytes))?;
        let oldest = |took: Option<Duration>| took.map_or("none".to_owned(), |took| Took(took).to_string());
        writeln!(f, "{}{}", Line("oldest transaction"), oldest(self.longest_transaction))?;
        writeln!(f, "{}{}", Line("oldest query"), oldest(self.longest_query))?;
        write!(f, "{}{}", Line("replication"), self.replication)
    }
}

impl fmt::Display for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary { standbys: None } => f.write_str("primary; its standbys are not to be seen"),
            Self::Primary { standbys: Some(standbys) } => {
                write!(f, "primary, {} standbys", standbys.len())?;
                standbys.iter().try_for_each(|one| write!(f, "\n{}{one}", Line("")))
            }
            Self::Standby { behind, unreplayed_bytes } => {
                f.write_str("standby")?;
                if let Some(behind) = behind {
                    write!(f, ", its last transaction is {} old", Took(*behind))?;
                }
                unreplayed_bytes.map_or(Ok(()), |bytes| write!(f, ", {} to replay", Bytes(bytes)))
            }
        }
    }
}

impl fmt::Display for StandbyStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.address.as_deref().unwrap_or("socket"))?;
        if let Some(state) = &self.state {
            write!(f, ", {state}")?;
        }
        if let Some(behind) = self.behind {
            write!(f, ", {} behind", Took(behind))?;
        }
        self.unreplayed_bytes.map_or(Ok(()), |bytes| write!(f, ", {} to replay", Bytes(bytes)))
    }
}
