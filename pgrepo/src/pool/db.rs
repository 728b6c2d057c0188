use std::fmt;
use std::sync::Arc;

use crate::breaker::Breaker;
use crate::config::DbConfig;
use crate::error::Result;
use crate::observe::About;
use crate::retry::Retry;

use super::hook::{AfterConnect, HookFuture, NewConnection};
use super::shared::Pool;

mod acquire;
mod operations;
mod upkeep;

/// A database: a pool of connections and what runs on it. Cheap to clone; all clones share the pool.
///
/// Every operation takes a connection for its own time. What of it is dropped before it ends costs that connection,
/// which is closed, and leaves nothing half-done behind; the server session is ended over a connection of pgrepo's
/// own, so that the server usually sees no more than `max_connections + 1` sessions. One that is being ended may still
/// be seen beside its successor for a moment.
///
/// # Examples
/// ```no_run
/// # async fn example() -> pgrepo::Result<()> {
/// let db = pgrepo::Db::from_env().await?;
/// let answer: i32 = db.query("SELECT $1 + 1").bind(41).fetch_one().await?;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Db {
    pool: Arc<Pool>,
    retry: Arc<Retry>,
    breaker: Option<Breaker>,
}

impl Db {
    /// Connects to the database that the environment names: see [`DbConfig::from_env`].
    ///
    /// # Errors
    /// As [`DbConfig::from_env`] and [`connect`](Self::connect).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> pgrepo::Result<()> {
    /// let db = pgrepo::Db::from_env().await?;
    /// println!("the server answers in {:?}", db.ping().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn from_env() -> Result<Self> {
        Self::connect(DbConfig::from_env()?).await
    }

    /// Connects to the database that a URL names: see [`DbConfig::from_url`].
    ///
    /// # Errors
    /// As [`DbConfig::from_url`] and [`connect`](Self::connect).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> pgrepo::Result<()> {
    /// let db = pgrepo::Db::from_url("postgres://importer@localhost/app?sslmode=disable").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn from_url(url: &str) -> Result<Self> {
        Self::connect(DbConfig::from_url(url)?).await
    }

    /// Makes the pool and its first connection, so that a wrong host or password shows here.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): a setting is wrong;
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection): the server cannot be reached or refused the connection;
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout): it did not answer within the limits.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> pgrepo::Result<()> {
    /// use pgrepo::{Db, DbConfig};
    /// let db = Db::connect(DbConfig::from_env()?.with_max_connections(4)).await?;
    /// assert_eq!(db.status().max, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(config: DbConfig) -> Result<Self> {
        Self::make(config, None).await
    }

    /// [`connect`](Self::connect), with a callback that sets each new connection up before it is first used.
    ///
    /// It runs once for each connection of the pool, not for the one beside it, within the time that connecting may
    /// take (`connect_timeout`). What it changes stays for as long as the connection lives, for whoever uses it.
    ///
    /// It is the only callback of the pool. What others run before a connection is lent or after it was returned is seen to
    /// otherwise: whether it still lives is [`idle_check`](DbConfig::idle_check), statements that would leave something
    /// behind on the session are refused, a connection that was lent [`raw`](Self::raw) is closed, and what holds for one
    /// use only belongs into a transaction (`SET LOCAL`).
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and those of the callback: a connection on which it fails is closed, and whoever
    /// waits for it gets the error.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> pgrepo::Result<()> {
    /// use pgrepo::{Db, DbConfig};
    ///
    /// let db = Db::connect_with(DbConfig::from_env()?, |new| {
    ///     Box::pin(async move { new.execute_script("SET search_path = app, public; SET role = app").await })
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_with<F>(config: DbConfig, after_connect: F) -> Result<Self>
    where
        F: for<'c> Fn(&'c mut NewConnection) -> HookFuture<'c> + Send + Sync + 'static,
    {
        Self::make(config, Some(Box::new(after_connect))).await
    }

    async fn make(config: DbConfig, after_connect: Option<Box<AfterConnect>>) -> Result<Self> {
        let config = config.checked()?;
        config.retry.check()?;
        let name = config.database.as_deref().unwrap_or(&config.user);
        let about = About::new(&config.host, config.port, name, config.trace_sql);
        let retry = Arc::new(Retry::new(config.retry).told_by(Arc::clone(&about)));
        let breaker = config.breaker.map(|config| Breaker::told_by(config, Some(Arc::clone(&about)))).transpose()?;
        let db = Self { pool: Pool::new(config, after_connect, about), retry, breaker };
        drop(db.guard_once().await?);
        Ok(db)
    }

    /// What is said of it.
    pub(crate) fn about(&self) -> &Arc<About> {
        &self.pool.about
    }

    /// How its operations are run again.
    pub(crate) fn retry(&self) -> &Retry {
        &self.retry
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("pool", &self.pool.status()).finish_non_exhaustive()
    }
}
