use std::io;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::config::DbConfig;
use crate::error::{Error, ErrorKind, Result};

use super::connect::{Who, connect};
use super::driver;
use super::look::{Look, Seen};

/// How long the end of a session, or a rollback that nobody waits for, may keep a place of the pool.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// How long a session that could not be ended is left alone.
const AGAIN: Duration = Duration::from_millis(100);

/// The one connection outside the pool, made when it is first needed: it ends sessions whose operation was dropped, looks
/// at those that load, and asks whether the server answers.
pub(crate) struct Control {
    config: DbConfig,
    conn: Mutex<Option<PgConnection>>,
}

impl Control {
    pub(super) fn new(config: DbConfig) -> Self {
        Self { config, conn: Mutex::new(None) }
    }

    /// Ends a server session, unless its process id belongs to another by now; gives up after the time that connecting
    /// may take, and until then tries again where the connection breaks or falls silent.
    ///
    /// What cannot be reached cannot be ended: the server then finds out by itself that the socket is closed.
    pub(super) async fn end(&self, who: &Who) {
        let tried = async {
            while let Err(error) = self.say(&End(who)).await {
                if error.kind() != ErrorKind::Connection {
                    break;
                }
                sleep(AGAIN).await;
            }
        };
        let _given_up = timeout(self.config.connect_timeout, tried).await;
    }

    /// Closes the connection, unless it is in use.
    pub(super) fn close(&self) {
        if let Ok(mut held) = self.conn.try_lock() {
            held.take();
        }
    }

    /// Looks at a session while it loads; `None` where there is none such, or it could not be looked at in the time that
    /// connecting may take.
    pub(crate) async fn look(&self, who: &Who) -> Option<Seen> {
        let seen = timeout(self.config.connect_timeout, self.say(&Look(who))).await;
        seen.ok()?.ok()?
    }

    /// Asks the server whether it is in recovery; whoever asks sets the limit.
    pub(super) async fn is_in_recovery(&self) -> Result<bool> {
        self.say(&Recovery).await
    }

    /// Asks the server for an answer.
    pub(super) async fn ping(&self) -> Result<()> {
        let limit = self.config.connect_timeout;
        timeout(limit, self.say(&Ping)).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("the server did not answer within {limit:?}")))
        })
    }

    async fn say<W: Word>(&self, word: &W) -> Result<W::Answer> {
        let mut held = self.conn.lock().await;
        // Taken out for the time of its use: a use that is given up leaves none, and the next one connects anew. That
        // an idle connection has been ended meanwhile shows at its use only.
        if let Some(mut conn) = held.take()
            && let Ok(Ok(answer)) = timeout(PATIENCE, word.say(&mut conn)).await
        {
            *held = Some(conn);
            return Ok(answer);
        }
        let mut conn = connect(&self.config, &format!("{} (control)", self.config.application_name)).await?;
        let answer = word.say(&mut conn).await.map_err(driver::error)?;
        *held = Some(conn);
        Ok(answer)
    }
}

/// What is said over the connection.
pub(super) trait Word: Sync {
    type Answer: Send;

    fn say(&self, conn: &mut PgConnection) -> impl Future<Output = Result<Self::Answer, sqlx::Error>> + Send;
}

/// This session is to end.
struct End<'w>(&'w Who);

impl Word for End<'_> {
    type Answer = ();

    /// Others wait for their turn, so one that nobody answers is given up early, also on a connection that is new.
    async fn say(&self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        const SQL: &str = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
                           WHERE pid = $1 AND backend_start::text = $2";
        let ended = sqlx::query(SQL).bind(self.0.pid).bind(&self.0.started).execute(conn);
        timeout(PATIENCE, ended)
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
            .map(drop)
    }
}

/// Nothing: an answer is all that is wanted.
struct Ping;

impl Word for Ping {
    type Answer = ();

    async fn say(&self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        conn.ping().await
    }
}

/// Is the server in recovery?
struct Recovery;

impl Word for Recovery {
    type Answer = bool;

    async fn say(&self, conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar("SELECT pg_catalog.pg_is_in_recovery()").fetch_one(conn).await
    }
}
