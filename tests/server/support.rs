//! What the tests with faults share.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pgrepo::testkit::{Proxy, TestDatabase, need};
use pgrepo::{Db, DbConfig};
use sqlx::{Connection, PgConnection};

/// How long anything may take that is only waited for.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A splitmix64 generator: the same seed gives the same numbers everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }
}

/// Polls a future until it is pending for the n-th time, then drops it.
pub(crate) struct DropAt<F> {
    future: Option<Pin<Box<F>>>,
    left: usize,
}

impl<F: Future> DropAt<F> {
    pub(crate) fn new(future: F, pending: usize) -> Self {
        Self { future: Some(Box::pin(future)), left: pending }
    }
}

impl<F: Future> Future for DropAt<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else { return Poll::Ready(None) };
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.future = None;
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

/// A proxy in front of the test's server.
pub(crate) async fn proxy(db: &TestDatabase) -> Proxy {
    assert!(db.server().is_private(), "these tests need a private server: unset PGREPO_TEST_DATABASE_URL");
    Proxy::start(db.server()).await.unwrap()
}

/// The settings of a pool whose sessions bear a name.
pub(crate) fn config(url: &str, name: &str, max: usize) -> DbConfig {
    let mut config = DbConfig::from_url(url).unwrap().with_max_connections(max);
    name.clone_into(&mut config.application_name);
    config.acquire_timeout = LONG;
    config
}

/// A pool of pgrepo's, whose sessions bear a name.
pub(crate) async fn pool(url: &str, name: &str, max: usize) -> Db {
    Db::connect(config(url, name, max)).await.unwrap()
}

/// The pool of a new role, which is named after the database; `ROLE` stands for it in the SQL behind its creation.
pub(crate) async fn as_role(db: &TestDatabase, direct: &mut Direct, more: &str) -> Db {
    let role = format!("role_{}", db.name());
    let more = more.replace("ROLE", &format!("\"{role}\""));
    direct.run(&format!("CREATE ROLE \"{role}\" LOGIN PASSWORD 'role'; {more}")).await;
    let mut config: DbConfig = config(&db.tcp_url(), "targets", 2);
    config.user = role;
    config.password = Some(pgrepo::Password::new("role"));
    Db::connect(config).await.unwrap()
}

/// A connection of the driver's own, past every proxy and pool.
pub(crate) struct Direct(PgConnection);

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Direct")
    }
}

impl Direct {
    pub(crate) async fn to(db: &TestDatabase) -> Self {
        Self(PgConnection::connect(&db.url()).await.unwrap())
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut self.0).await.unwrap();
    }

    pub(crate) async fn one<T>(&mut self, sql: &str) -> T
    where
        T: Send + Unpin + sqlx::Type<sqlx::Postgres> + for<'r> sqlx::Decode<'r, sqlx::Postgres>,
    {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).persistent(false).fetch_one(&mut self.0).await.unwrap()
    }

    /// The server sessions whose name begins so, the control connection's among them.
    pub(crate) async fn sessions(&mut self, name: &str) -> i64 {
        self.one(&format!("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '{name}%'")).await
    }

    /// Asks until the answer is yes, or the limit is over.
    pub(crate) async fn within(&mut self, limit: Duration, what: &str, sql: &str) {
        let deadline = Instant::now() + limit;
        while !self.one::<bool>(sql).await {
            assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Checks that a pool is as it should be when nobody uses it: no more sessions than it may have, none with a lock
    /// or in a transaction.
    pub(crate) async fn at_rest(&mut self, name: &str, max: usize) {
        let of =
            format!("FROM pg_stat_activity a WHERE datname = current_database() AND application_name LIKE '{name}%'");
        let sessions = format!("SELECT count(*) <= {} {of}", max + 1);
        self.within(LONG, "sessions = pool + control connection", &sessions).await;
        let idle = format!("SELECT NOT EXISTS (SELECT {of} AND state LIKE 'idle in transaction%')");
        self.within(LONG, "no session is idle in a transaction", &idle).await;
        let locks = format!(
            "SELECT NOT EXISTS (SELECT {of} AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid \
             AND l.locktype IN ('relation', 'transactionid')))"
        );
        self.within(LONG, "no lock is left", &locks).await;
    }
}

/// Waits until a process of this machine is gone, and its sockets with it.
pub(crate) async fn process_gone(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let gone = async {
        while rustix::process::test_kill_process(pid).is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LONG, gone).await.expect("the process ends");
}

/// Checks that a pool serves: as many connections at the same time as it may have, and queries with a nonce.
pub(crate) async fn serves(db: &Db, max: usize) {
    let begun = futures_util::future::join_all((0..max).map(|_| db.begin()));
    let all = tokio::time::timeout(LONG, begun).await.expect("all slots are there");
    for tx in all {
        tx.unwrap().rollback().await.unwrap();
    }
    for nonce in 0..20_i64 {
        let answer: i64 = db.query("SELECT $1::int8").bind(nonce).fetch_one().await.unwrap();
        assert_eq!(answer, nonce);
    }
}

/// What psql writes to its standard output; nothing where there is none.
pub(crate) async fn psql(db: &TestDatabase, args: &[&str]) -> Option<Vec<u8>> {
    let psql = need("what psql says", "psql", "apt-get install postgresql-client")?;
    let mut command = std::process::Command::new(psql);
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &db.url()]).args(args).env_remove("PGOPTIONS");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}
