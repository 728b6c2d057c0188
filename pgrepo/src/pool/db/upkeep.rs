//! How a database is: asked for, watched, made larger or smaller, closed.

use std::time::{Duration, Instant};

use crate::breaker::Breaker;
use crate::error::Result;
use crate::pool::health::{self, Health};
use crate::pool::monitor::Monitor;
use crate::pool::shared::closed;
use crate::pool::status::PoolStatus;

use super::Db;

impl Db {
    /// Asks the server for an answer and returns how long it took.
    ///
    /// It goes over the connection that the pool keeps beside it to end sessions, so it gets in also while every
    /// connection of the pool is in use; the first call, and one after that connection broke, connects.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection): the server cannot be reached, or the pool is closed;
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout): it did not answer within the time that connecting may take.
    ///
    /// # Cancel safety
    /// A dropped future closes that connection; the next use makes it anew.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let took = db.ping().await?;
    /// println!("the server answers in {took:?}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ping(&self) -> Result<Duration> {
        if self.pool.is_closed() {
            return Err(closed().during("ping"));
        }
        let began = Instant::now();
        self.pool.control.ping().await.map_err(|e| e.during("ping"))?;
        Ok(began.elapsed())
    }

    /// The circuit breaker, if the configuration asked for one.
    ///
    /// A call is the use of one connection, by an operation or a transaction. It fails when no connection could be
    /// made or was free in time, when it broke, or when the server had no room or was going down; that the server
    /// refused a statement is an answer. What was dropped counts as none. A rejected operation is
    /// [`ErrorKind::CircuitOpen`](crate::ErrorKind::CircuitOpen): it took no place in the queue, and nothing was sent.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> pgrepo::Result<()> {
    /// use pgrepo::{BreakerConfig, Db, DbConfig};
    ///
    /// let mut config = DbConfig::from_env()?;
    /// config.breaker = Some(BreakerConfig::default());
    /// let db = Db::connect(config).await?;
    /// if let Some(breaker) = db.breaker() {
    ///     println!("{:?}", breaker.snapshot());
    ///     let mut changes = breaker.changes();
    ///     tokio::spawn(async move {
    ///         while let Some(change) = changes.next().await {
    ///             println!("{:?} to {:?}", change.from, change.to);
    ///         }
    ///     });
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// What the pool is like now, and what it has done so far; nothing is sent.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(db: &pgrepo::Db) {
    /// let status = db.status(); println!("{} of {} in use, {} wait; {:?} waited so far", status.in_use, status.max,
    /// status.waiting, status.wait_time);
    /// # }
    /// ```
    pub fn status(&self) -> PoolStatus {
        self.pool.status()
    }

    /// Tells the recorder of the facade `metrics` what the pool and its breaker are like now: the gauges, and totals since
    /// the pool was made. Nothing is sent.
    ///
    /// Operations, waits, retries, COPYs and changes of the breaker are told as they happen. These figures would cost each
    /// operation something, so they are told when they are wanted: call this before the exporter renders its page, or have
    /// a [`Monitor`] running, each look of which does it. It also tells the recorder what each figure means.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(db: &pgrepo::Db) {
    /// // In the handler of `/metrics`, where `exporter` is that of the program:
    /// db.record_metrics();
    /// // exporter.render()
    /// # }
    /// ```
    #[cfg(feature = "metrics")]
    pub fn record_metrics(&self) {
        let breaker = self.breaker.as_ref().map(crate::breaker::Breaker::snapshot);
        crate::pool::figures::record(self.about(), &self.status(), breaker);
    }

    /// Tells whether the server answers within the limit, and what the pool is like: a report, also when the server
    /// hangs or the network is silent.
    ///
    /// The server is asked, in one round trip, over the connection that the pool keeps beside it, as by
    /// [`ping`](Self::ping): it gets in at full load.
    ///
    /// # Cancel safety
    /// As [`ping`](Self::ping).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) {
    /// let health = db.health(std::time::Duration::from_secs(1)).await;
    /// match &health.reason {
    ///     None => println!("up, {:?}; {} operations wait", health.latency, health.pool.waiting),
    ///     Some(error) => println!("down: {error:?}"),
    /// }
    /// # }
    /// ```
    pub async fn health(&self, limit: Duration) -> Health {
        health::ask(&self.pool, limit).await
    }

    /// Looks after the database at intervals: tells when the server goes and comes, and when operations wait for
    /// connections. See [`Monitor`].
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(db: &pgrepo::Db) {
    /// use pgrepo::MonitorEvent;
    ///
    /// let mut monitor = db.monitor(std::time::Duration::from_secs(5));
    /// let task = tokio::spawn(async move {
    ///     while let Some(event) = monitor.next().await {
    ///         match event {
    ///             MonitorEvent::Down(health) => eprintln!("the database is gone: {:?}", health.reason),
    ///             MonitorEvent::Up(health) => eprintln!("the database is there, {:?}", health.latency),
    ///             _ => {}
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    pub fn monitor(&self, interval: Duration) -> Monitor {
        Monitor::new(self.clone(), interval)
    }

    /// Changes the most connections that the pool opens, at once for whoever comes next.
    ///
    /// Where there are more, those that idle are closed now and those in use when their operation ends.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): the number is none of 1 to 10,000;
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection): the pool is closed. In both cases nothing has changed.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// db.resize(20)?;
    /// assert_eq!(db.status().max, 20);
    /// # Ok(())
    /// # }
    /// ```
    pub fn resize(&self, max_connections: usize) -> Result<()> {
        let checked = self.pool.config.clone().with_max_connections(max_connections).checked();
        checked.and_then(|_| self.pool.resize(max_connections)).map_err(|e| e.during("resize"))
    }

    /// Closes the pool: waiting and later operations fail, idle connections are closed at once; those in use may end
    /// what they do within `close_timeout`.
    ///
    /// Returns how many connections were still in use then, or being ended on the server: 0 if all are closed. They are
    /// closed when their operation ends, which a silent network does not delay: nothing is waited for any longer. A
    /// second call waits again.
    ///
    /// # Cancel safety
    /// The pool is closed as soon as the future was first polled; only the waiting is given up.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: pgrepo::Db) {
    /// let left = db.close().await;
    /// if left > 0 {
    ///     eprintln!("{left} operations did not end in time");
    /// }
    /// # }
    /// ```
    pub async fn close(&self) -> usize {
        self.pool.close(self.pool.config.close_timeout).await
    }

    /// Whether the pool was closed.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// db.close().await;
    /// assert!(db.is_closed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }
}
