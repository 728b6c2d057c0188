use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::breaker::Breaker;
use crate::concurrent::Concurrent;
use crate::config::DbConfig;
use crate::copy::{CopyReport, copy_records};
use crate::error::{Error, ErrorKind, FaultClass, Result};
use crate::json::{insert_json, query_json};
use crate::query::Query;
use crate::repository::Repository;
use crate::retry::Retry;
use crate::row::Row;
use crate::table::{PgTable, TableName};
use crate::tx::{Tx, TxId, TxOptions, TxOutcome};
use crate::value::Value;

use super::call::Call;
use super::guard::Guard;
use super::health::{self, Health};
use super::hook::{AfterConnect, HookFuture, NewConnection};
use super::monitor::Monitor;
use super::raw::RawConnection;
use super::shared::{Pool, closed};
use super::status::PoolStatus;

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
    /// [`ErrorKind::Config`]: a setting is wrong; [`ErrorKind::Connection`]: the server cannot be reached or refused the
    /// connection; [`ErrorKind::Timeout`]: it did not answer within the limits.
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
    /// It runs once for each connection of the pool, not for the one beside it, within the time that connecting may take
    /// (`connect_timeout`). What it changes stays for as long as the connection lives, for whoever uses it.
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
        let retry = Arc::new(Retry::new(config.retry));
        let breaker = config.breaker.map(Breaker::new).transpose()?;
        let db = Self { pool: Pool::new(config, after_connect), retry, breaker };
        drop(db.guard_once().await?);
        Ok(db)
    }

    /// A statement of your own, with `$1`, `$2`, … for the values that [`bind`](Query::bind) gives it.
    ///
    /// What would stay in the session of whoever gets the connection next is refused before anything is sent, by the
    /// statement's keywords; so it is in [`execute_script`](Self::execute_script) and on a [`Tx`]:
    ///
    /// * `SET`, `RESET`, `DISCARD`, `LISTEN`, `UNLISTEN`, `LOAD`, `PREPARE` and `DEALLOCATE`;
    /// * `CREATE TEMPORARY` …, but for a table made with `ON COMMIT DROP`; `DECLARE` … `WITH HOLD`;
    /// * `BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT` and their like, for which [`begin`](Self::begin) is, and `COPY`.
    ///
    /// `SET LOCAL`, `SET TRANSACTION` and `SET CONSTRAINTS` last as long as a transaction: they are taken on a [`Tx`] and
    /// in a script of several statements, and refused where they would do nothing.
    ///
    /// What a statement does otherwise is not seen: a function that calls `set_config` or takes an advisory lock of the
    /// session, `SELECT … INTO TEMPORARY`, a table created in `pg_temp`. Use [`raw`](Self::raw) for such.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let names: Vec<String> = db.query("SELECT name FROM users WHERE age > $1").bind(17).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn query<'q>(&self, sql: impl Into<std::borrow::Cow<'q, str>>) -> Query<'q, &Self> {
        Query::new(self, sql.into())
    }

    /// The everyday methods of a table.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// if let Some(ann) = users.get(1).await? {
    ///     println!("{} of {}", ann.name, users.all().count().await?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn repository<T: PgTable>(&self) -> Repository<&Self, T> {
        Repository::new(self)
    }

    /// Runs statements without parameters, separated by semicolons, in one message; either all take effect or none.
    ///
    /// # Errors
    /// What the server refused, or a statement that would change the session of whoever gets the connection next.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection. Whether the statements took effect is then unknown.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// db.execute_script("CREATE TABLE tags (name text PRIMARY KEY); CREATE INDEX ON users (age)").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute_script(&self, sql: &str) -> Result<()> {
        crate::query::script(self, sql).await
    }

    /// Loads rows of dynamic values by binary COPY, for code that has no struct: all of them, or none.
    ///
    /// The table and its columns are looked up on the server before any statement names them, and each value is
    /// written as its column's type wants it, exactly or not at all: see [`Value`].
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`]: there is no such column, or the server computes it; [`ErrorKind::Encode`]: a value
    /// cannot be sent: row, column and both types are named; else as
    /// [`Repository::copy_in`](crate::Repository::copy_in). In each case the table is as it was.
    ///
    /// # Cancel safety
    /// As [`Repository::copy_in`](crate::Repository::copy_in).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Value;
    /// let rows = [[Value::from("Ann"), Value::from(28)], [Value::from("Bo"), Value::Null]];
    /// let report = db.copy_records("users", &["name", "age"], rows).await?;
    /// assert_eq!(report.rows, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_records<'t, R: AsRef<[Value]>>(
        &self,
        table: impl Into<TableName<'t>>,
        columns: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> Result<CopyReport> {
        copy_records(self, table.into(), columns, rows).await
    }

    /// Stores a document in a `json` or `jsonb` column of a new row, with values for other columns, for code that has no
    /// struct; returns how many rows were stored: one, unless a trigger or a rule decides otherwise.
    ///
    /// The table and its columns are looked up on the server before any statement names them, which costs a round trip
    /// each time. Other values are written as their columns want it, exactly or not at all: see [`Value`]. Columns
    /// that are not named are left to the server.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`]: there is no such table or column, the server computes it, or it is not of such a type;
    /// [`ErrorKind::Encode`]: a value cannot be sent; else what the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection; whether the row is stored is then unknown.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Value;
    /// let ann = serde_json::json!({"name": "Ann", "profile": {"location": {"city": "San Francisco"}}});
    /// db.insert_json("user_profiles", "data", &ann, [("created_by", Value::from("system"))]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_json<'t, 'c>(
        &self,
        table: impl Into<TableName<'t>>,
        column: &str,
        document: &(impl Serialize + ?Sized),
        others: impl IntoIterator<Item = (&'c str, Value)>,
    ) -> Result<u64> {
        insert_json(self, table.into(), column, document, others).await
    }

    /// Reads the rows whose document, in a `json` or `jsonb` column, holds the value at the path.
    ///
    /// What the server is asked depends on the path; path and value are bound in each case, and the table and its
    /// column are looked up before any statement names them, which costs a round trip each time.
    ///
    /// * A path of keys, such as `$.profile.location.city` or `$."first name"`, is asked for by containment,
    ///   `column @> $1` with the value nested in these keys: a string, number, bool or null is there as it is, an object
    ///   is there with these members at least, an array with these elements at least
    ///   (<https://www.postgresql.org/docs/current/datatype-json.html#JSON-CONTAINMENT>). A GIN index on a `jsonb`
    ///   column serves it. No array is looked into on the way.
    /// * Any other path (`$.skills[*]`, `$.items[0].price`, `$.**.city`, `strict $.a`) runs `jsonb_path_exists`, **for
    ///   which there is no index: each row of the table is read.** The value is `$value` in the path's filters:
    ///   `$.items[*] ? (@.price > $value)`. A path that does not name it finds what equals the value, which then is no
    ///   object and no array. What a path cannot be applied to is not found, and no error.
    ///
    /// # Errors
    /// [`ErrorKind::Query`]: the path is wrong, and where, or what the server refused; [`ErrorKind::Mismatch`]: there
    /// is no such table or column, or it holds no documents; [`ErrorKind::Encode`]: the value has no form in JSON,
    /// as NaN and the infinities have none (inside of a larger value they are null, as serde_json has it).
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let path = "$.profile.location.city";
    /// for row in db.query_json("user_profiles", "data", path, "San Francisco").await? {
    ///     let (id, data): (i64, serde_json::Value) = (row.get("id")?, row.get("data")?);
    ///     println!("{id}: {}", data["name"]);
    /// }
    /// let python = db.query_json("user_profiles", "data", "$.profile.skills[*]", "Python").await?;
    /// let adults = db.query_json("user_profiles", "data", "$.profile ? (@.age >= $value)", 18).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn query_json<'t>(
        &self,
        table: impl Into<TableName<'t>>,
        column: &str,
        path: &str,
        value: impl Serialize,
    ) -> Result<Vec<Row>> {
        query_json(self, table.into(), column, path, value).await
    }

    /// Begins a transaction. Dropped without [`commit`](Tx::commit) it is rolled back.
    ///
    /// # Errors
    /// No connection, or the server refused.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind: its connection is closed.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// tx.query("UPDATE accounts SET balance = balance - 5 WHERE id = 1").execute().await?;
    /// tx.query("UPDATE accounts SET balance = balance + 5 WHERE id = 2").execute().await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn begin(&self) -> Result<Tx> {
        self.begin_with(TxOptions::default()).await
    }

    /// What became of a transaction whose COMMIT was not answered: see [`Tx::id`].
    ///
    /// # Errors
    /// The server could not be asked. That it no longer knows the transaction is [`TxOutcome::Unknown`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::TxOutcome;
    ///
    /// let mut tx = db.begin().await?;
    /// let id = tx.id().await?;
    /// tx.query("UPDATE accounts SET balance = 0").execute().await?;
    /// if let Err(error) = tx.commit().await {
    ///     match db.outcome(id).await? {
    ///         TxOutcome::Committed => println!("it took effect, and only the answer was lost"),
    ///         _ => return Err(error),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn outcome(&self, id: TxId) -> Result<TxOutcome> {
        crate::tx::outcome(self, id).await
    }

    /// Asks the server for an answer and returns how long it took.
    ///
    /// It goes over the connection that the pool keeps beside it to end sessions, so it gets in also while every
    /// connection of the pool is in use; the first call, and one after that connection broke, connects.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`]: the server cannot be reached, or the pool is closed; [`ErrorKind::Timeout`]: it did not
    /// answer within the time that connecting may take.
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

    /// Runs several operations side by side, at most `limit` of them at once: see [`Concurrent`].
    ///
    /// The limit is at least 1 and at most the size of the pool; another one is logged and brought within these.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.query("SELECT count(*) FROM users").fetch_val::<i64>();
    /// let oldest = db.query("SELECT max(age) FROM users").fetch_val::<Option<i32>>();
    /// let (users, oldest) = db.concurrent(2).all((users, oldest)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn concurrent(&self, limit: usize) -> Concurrent {
        Concurrent::new(limit, self.pool.max())
    }

    /// Lends the driver's own connection, for what pgrepo does not offer. It is closed afterwards. The types are those of
    /// sqlx 0.9, on which a program that uses them depends itself.
    ///
    /// # Errors
    /// No connection within the limit.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut raw = db.raw().await?;
    /// sqlx::query("SET work_mem = '1GB'").execute(&mut *raw).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn raw(&self) -> Result<RawConnection> {
        Ok(RawConnection::new(self.guard().await?))
    }

    /// The circuit breaker, if the configuration asked for one.
    ///
    /// A call is the use of one connection, by an operation or a transaction. It fails when no connection could be
    /// made or was free in time, when it broke, or when the server had no room or was going down; that the server
    /// refused a statement is an answer. What was dropped counts as none. A rejected operation is
    /// [`ErrorKind::CircuitOpen`]: it took no place in the queue, and nothing was sent.
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
    /// let status = db.status();
    /// println!("{} of {} in use, {} wait; {:?} waited so far", status.in_use, status.max, status.waiting, status.wait_time);
    /// # }
    /// ```
    pub fn status(&self) -> PoolStatus {
        self.pool.status()
    }

    /// Tells whether the server answers within the limit, and what the pool is like: a report, also when the server hangs
    /// or the network is silent.
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
    /// [`ErrorKind::Config`]: the number is none of 1 to 10,000; [`ErrorKind::Connection`]: the pool is closed. In both
    /// cases nothing has changed.
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

    /// Closes the pool: waiting and later operations fail, idle connections are closed at once; those in use may end what
    /// they do within `close_timeout`.
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

    /// How its operations are run again.
    pub(crate) fn retry(&self) -> &Retry {
        &self.retry
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

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("pool", &self.pool.status()).finish_non_exhaustive()
    }
}
