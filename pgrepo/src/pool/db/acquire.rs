//! How an operation gets its connection.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use crate::breaker::Breaker;
use crate::error::{Error, ErrorKind, FaultClass, Result};
use crate::pool::call::Call;
use crate::pool::guard::Guard;
use crate::pool::status::PoolStatus;

use super::Db;

impl Db {
    /// Takes a connection; tries again where none could be made for a cause that may pass.
    pub(crate) async fn guard(&self) -> Result<Guard> {
        let (limit, began) = (self.acquire_timeout(), Instant::now());
        let mut attempts = self.retry.attempts().within(limit);
        loop {
            match self.take(limit.saturating_sub(began.elapsed())).await {
                Err(error) => sleep(attempts.after(error, false)?).await,
                taken => return taken,
            }
        }
    }

    /// How long an operation waits for a connection.
    pub(crate) fn acquire_timeout(&self) -> Duration {
        self.pool.config.acquire_timeout
    }

    /// Takes a connection, at the first attempt or not at all.
    pub(crate) async fn guard_once(&self) -> Result<Guard> {
        self.take(self.acquire_timeout()).await
    }

    /// Asks the breaker before the pool is touched.
    async fn take(&self, limit: Duration) -> Result<Guard> {
        let mut call = self.breaker.as_ref().map(Breaker::enter).transpose()?.map(Call::new);
        // What waited is dropped at the end of this line, so that the pool no longer counts it.
        let lent = timeout(limit, self.pool.lend()).await;
        let error = match lent {
            Ok(Ok(lent)) => return Ok(Guard::new(lent, call)),
            Ok(Err(error)) => error,
            Err(_) => {
                self.pool.counters.timed_out();
                let message = waited(self.acquire_timeout(), self.status());
                Error::new(ErrorKind::Timeout, message).of_fault(FaultClass::Overload)
            }
        };
        if let Some(call) = &mut call {
            call.failed(&error);
        }
        Err(error)
    }
}

/// What the pool was like when a call had waited for too long: for a connection in use, or for one to be made.
fn waited(limit: Duration, pool: PoolStatus) -> String {
    let PoolStatus { max, size, idle, waiting, .. } = pool;
    format!(
        "no connection within {limit:?}: of the pool's {max} connections {size} exist, {idle} of them idle; other calls \
         that wait: {waiting}"
    )
}
