//! What a session that loads looks like from another one.

use sqlx::{PgConnection, Row};

use super::connect::Who;
use super::control::Word;

/// What the server has done with the rows of a load, by its view
/// [`pg_stat_progress_copy`](https://www.postgresql.org/docs/current/progress-reporting.html#COPY-PROGRESS-REPORTING).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerProgress {
    /// The rows that it has processed: stored, but not committed.
    pub rows_processed: u64,
    /// The bytes of COPY data that it has read.
    pub bytes_processed: u64,
    /// The rows that it has left out, since the load's [filter](crate::CopyInOptions::filter) did not hold for them.
    pub rows_excluded: u64,
}

/// What a load waits for that another session holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockWait {
    /// What is locked: `relation` for a table, `transactionid` for a row that another transaction has written, and so on
    /// ([the whole table](https://www.postgresql.org/docs/current/monitoring-stats.html#WAIT-EVENT-LOCK-TABLE)).
    pub on: String,
    /// The sessions that hold the lock, or stand before this one in its queue, by their process ids; none where they
    /// have let go meanwhile.
    pub sessions: Vec<i32>,
}

/// A session as another one sees it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its statement has failed: the server reads what is still sent and throws it away.
    pub(crate) failed: bool,
    /// It waits for what it says to be read.
    pub(crate) unread: bool,
    pub(crate) waits: Option<LockWait>,
    /// What it has copied, if it copies, and the server tells: before PostgreSQL 14 it does not.
    pub(crate) copied: Option<ServerProgress>,
}

/// Which version has the view of COPYs.
const SHOWS_COPY: u32 = 140_000;

/// What does the session do? Nothing is answered where it is gone.
pub(super) struct Look<'w>(pub(super) &'w Who);

impl Word for Look<'_> {
    type Answer = Option<Seen>;

    async fn say(&self, conn: &mut PgConnection) -> Result<Self::Answer, sqlx::Error> {
        // All is NULL where the server does not track activities.
        macro_rules! look {
            ($copied:literal, $join:literal) => {
                concat!(
                    "SELECT COALESCE(a.state = 'idle in transaction (aborted)', false), \
                     CASE WHEN a.wait_event_type = 'Lock' THEN a.wait_event END, \
                     CASE WHEN a.wait_event_type = 'Lock' THEN pg_catalog.pg_blocking_pids(a.pid) END, ",
                    $copied,
                    ", COALESCE(a.wait_event = 'ClientWrite', false) FROM pg_catalog.pg_stat_activity a ",
                    $join,
                    " WHERE a.pid = $1 AND a.backend_start::text = $2"
                )
            };
        }
        const OLD: &str = look!("NULL::int8, NULL::int8, NULL::int8", "");
        const NEW: &str = look!(
            "c.tuples_processed, c.bytes_processed, c.tuples_excluded",
            "LEFT JOIN pg_catalog.pg_stat_progress_copy c ON c.pid = a.pid"
        );
        let sql = if conn.server_version_num().is_some_and(|version| version >= SHOWS_COPY) { NEW } else { OLD };
        let found = sqlx::query(sql).bind(self.0.pid).bind(&self.0.started).fetch_optional(conn).await?;
        let Some(row) = found else { return Ok(None) };
        let count = |at: usize| -> Result<Option<u64>, sqlx::Error> {
            Ok(row.try_get::<Option<i64>, _>(at)?.map(|count| u64::try_from(count).unwrap_or(0)))
        };
        let waits = row.try_get::<Option<String>, _>(1)?.map(|on| -> Result<_, sqlx::Error> {
            let mut sessions = row.try_get::<Option<Vec<i32>>, _>(2)?.unwrap_or_default();
            sessions.dedup();
            Ok(LockWait { on, sessions })
        });
        let copied = match (count(3)?, count(4)?, count(5)?) {
            (Some(rows_processed), Some(bytes_processed), Some(rows_excluded)) => {
                Some(ServerProgress { rows_processed, bytes_processed, rows_excluded })
            }
            _ => None,
        };
        Ok(Some(Seen { failed: row.try_get(0)?, unread: row.try_get(6)?, waits: waits.transpose()?, copied }))
    }
}
