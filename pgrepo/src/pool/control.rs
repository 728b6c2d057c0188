use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::DbConfig;
use crate::error::{Error, ErrorKind, Result};

use super::connect::{Who, connect};
use super::driver;

/// How long the end of a session, or a rollback that nobody waits for, may keep a place of the pool.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The one connection outside the pool, made when it is first needed: it ends sessions whose operation was dropped, and
/// asks whether the server answers.
pub(crate) struct Control {
    config: DbConfig,
    conn: Mutex<Option<PgConnection>>,
}

impl Control {
    pub(super) fn new(config: DbConfig) -> Self {
        Self { config, conn: Mutex::new(None) }
    }

    /// Ends a server session, unless its process id belongs to another by now; gives up after the time that connecting
    /// may take.
    ///
    /// What cannot be reached cannot be ended: the server then finds out by itself that the socket is closed.
    pub(super) async fn end(&self, who: &Who) {
        let _given_up = timeout(self.config.connect_timeout, self.try_end(who)).await;
    }

    async fn try_end(&self, who: &Who) -> Result<()> {
        self.say(&Word::End(who)).await.map(drop)
    }

    /// Closes the connection, unless it is in use.
    pub(super) fn close(&self) {
        if let Ok(mut held) = self.conn.try_lock() {
            held.take();
        }
    }

    /// Asks the server whether it is in recovery; whoever asks sets the limit.
    pub(super) async fn is_in_recovery(&self) -> Result<bool> {
        self.say(&Word::Recovery).await
    }

    /// Asks the server for an answer.
    pub(super) async fn ping(&self) -> Result<()> {
        let limit = self.config.connect_timeout;
        let answer = timeout(limit, self.say(&Word::Ping)).await;
        answer.map(|answer| answer.map(drop)).unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("the server did not answer within {limit:?}")))
        })
    }

    async fn say(&self, word: &Word<'_>) -> Result<bool> {
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
        let answer = word.say(&mut conn).await?;
        *held = Some(conn);
        Ok(answer)
    }
}

/// What is said over the connection.
enum Word<'w> {
    /// This session is to end.
    End(&'w Who),
    /// Nothing: an answer is all that is wanted.
    Ping,
    /// Is the server in recovery?
    Recovery,
}

impl Word<'_> {
    async fn say(&self, conn: &mut PgConnection) -> Result<bool> {
        const END: &str = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
                           WHERE pid = $1 AND backend_start::text = $2";
        const RECOVERY: &str = "SELECT pg_catalog.pg_is_in_recovery()";
        match self {
            Self::End(who) => sqlx::query(END)
                .bind(who.pid)
                .bind(&who.started)
                .execute(conn)
                .await
                .map(|ended| ended.rows_affected() > 0),
            Self::Ping => conn.ping().await.map(|()| true),
            Self::Recovery => sqlx::query_scalar(RECOVERY).fetch_one(conn).await,
        }
        .map_err(driver::error)
    }
}
