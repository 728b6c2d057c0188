use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::DbConfig;
use crate::error::{Error, ErrorKind, Result};

use super::connect::{Who, connect};
use super::driver;

/// How long the end of a session, or a rollback that nobody waits for, may keep a place of the pool.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The one connection outside the pool, made when it is first needed: it ends sessions whose operation was dropped, and
/// asks whether the server is well.
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
        let _given_up = timeout(self.config.connect_timeout, self.ask(&Ask::End(who))).await;
    }

    /// Has the server answer, and says how long that took.
    pub(super) async fn ping(&self) -> Result<Duration> {
        let (limit, begun) = (self.config.connect_timeout, Instant::now());
        let late = || Error::new(ErrorKind::Timeout, format!("the server did not answer within {limit:?}"));
        timeout(limit, self.ask(&Ask::Answer)).await.unwrap_or_else(|_| Err(late()))?;
        Ok(begun.elapsed())
    }

    async fn ask(&self, what: &Ask<'_>) -> Result<()> {
        let mut held = self.conn.lock().await;
        // Taken out for the time of its use: a use that is given up leaves none, and the next one connects anew. That
        // an idle connection has been ended meanwhile shows at its use only.
        if let Some(mut conn) = held.take()
            && what.run(&mut conn).await.is_ok()
        {
            *held = Some(conn);
            return Ok(());
        }
        let mut conn = connect(&self.config, &format!("{} (control)", self.config.application_name)).await?;
        what.run(&mut conn).await?;
        *held = Some(conn);
        Ok(())
    }
}

/// What is asked of the server over the control connection.
enum Ask<'a> {
    /// That it ends a session.
    End(&'a Who),
    /// That it answers.
    Answer,
}

impl Ask<'_> {
    async fn run(&self, conn: &mut PgConnection) -> Result<()> {
        const END: &str = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
                           WHERE pid = $1 AND backend_start::text = $2";
        let query = match self {
            Self::End(who) => sqlx::query(END).bind(who.pid).bind(&who.started),
            Self::Answer => sqlx::query("SELECT 1"),
        };
        query.execute(conn).await.map_err(driver::error)?;
        Ok(())
    }
}
