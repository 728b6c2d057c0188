use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::error::{Error, ErrorKind};

use super::shared::{Pool, closed};
use super::status::PoolStatus;

/// What [`Db::health`](crate::Db::health) found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Health {
    /// Whether the server answered in time.
    pub connected: bool,
    /// How long its answer took.
    pub latency: Option<Duration>,
    /// Whether it is in recovery, as a standby is, and so takes no writes; `None` if it did not answer.
    pub in_recovery: Option<bool>,
    /// What the pool is like.
    pub pool: PoolStatus,
    /// Why there was no answer.
    pub reason: Option<Error>,
}

impl Health {
    /// Whether the next operation can be expected to be served at once: the server answers, and the pool has a
    /// connection, or a place for one.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use std::time::Duration;
    /// let health = db.health(Duration::from_secs(1)).await;
    /// println!("{}", if health.is_ready() { "200 OK" } else { "503 Service Unavailable" });
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_ready(&self) -> bool {
        self.connected && !self.pool.is_exhausted()
    }
}

/// Asks the server over the connection outside the pool.
pub(super) async fn ask(pool: &Pool, limit: Duration) -> Health {
    let began = Instant::now();
    let answer = match pool.is_closed() {
        true => Err(closed()),
        false => timeout(limit, pool.control.is_in_recovery()).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("the server did not answer within {limit:?}")))
        }),
    };
    let pool = pool.status();
    match answer {
        Ok(in_recovery) => Health {
            connected: true,
            latency: Some(began.elapsed()),
            in_recovery: Some(in_recovery),
            pool,
            reason: None,
        },
        Err(error) => {
            Health { connected: false, latency: None, in_recovery: None, pool, reason: Some(error.during("health")) }
        }
    }
}
