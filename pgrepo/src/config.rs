//! Where the server is and how it is used: read from the environment, a URL or code; checked once.

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

use crate::breaker::BreakerConfig;
use crate::error::Result;
use crate::retry::RetryConfig;

mod check;
mod env;
mod near;
mod password;
mod pgpass;
mod settings;
mod tls;
mod url;

pub(crate) use near::{listed, nearest};
pub use password::{Password, PasswordCallback};
pub use tls::{TlsConfig, TlsMode};

/// How to reach a server, and the limits of the pool that does.
///
/// Make one by [`from_env`](Self::from_env) or [`from_url`](Self::from_url), or set the fields of a
/// [`default`](Self::default) one. It is checked when it is read and when the pool is made, before anything is connected
/// to. `Debug` shows no password.
///
/// # Whom it trusts
///
/// Connections to another machine are encrypted, and the server must prove that it is the one that was asked for, unless
/// [`tls`](Self::tls) says otherwise. Connections within this machine (`localhost`, a loopback address, a unix socket)
/// are in plain text.
///
/// The driver answers whatever way the server asks for the password, in clear text and as an MD5 hash too, and there is
/// no hook before it does: whoever can pose as the server has it. With SCRAM, the server's default, it does not go over
/// the wire, but the server chooses. So a password for another machine is refused where TLS is off or only preferred,
/// unless [`allow_plaintext_password`](Self::allow_plaintext_password) is set.
///
/// Whatever the environment says of other servers (`PGPASSWORD`, `PGOPTIONS`, `PGSSLROOTCERT` and so on) does not go into
/// a connection: what is here decides, and [`from_env`](Self::from_env) alone reads the variables that it names. Where
/// the driver would take `PGOPTIONS`, or `PGSSLCERT` and `PGSSLKEY`, all the same, a connection is refused.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use pgrepo::config::{DbConfig, Password, TlsMode};
///
/// let mut config = DbConfig::default();
/// config.host = "db.example.com".into();
/// config.user = "importer".into();
/// config.password = Some(Password::new("secret"));
/// config.tls.mode = Some(TlsMode::VerifyFull);
/// config.statement_timeout = Some(Duration::from_secs(60));
/// assert!(!format!("{config:?}").contains("secret"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DbConfig {
    /// A host name or address, or the folder of a unix socket, which begins with `/`. Default `localhost`.
    pub host: String,
    /// The port, also of a unix socket. Default 5432.
    pub port: u16,
    /// The role to connect as. Default `postgres`.
    pub user: String,
    /// The password, if the server asks for one. Default `None`.
    pub password: Option<Password>,
    /// What is asked for the password instead, for each connection. Default `None`.
    pub password_callback: Option<PasswordCallback>,
    /// Whether a password may go to another machine without TLS. Default `false`.
    pub allow_plaintext_password: bool,
    /// The database; `None` means the one named like the role.
    pub database: Option<String>,
    /// What `pg_stat_activity` shows. Default `pgrepo`.
    pub application_name: String,
    /// The most connections that the pool opens, 1 to 10,000; one more, outside the pool, ends sessions whose work was
    /// dropped. Default 10.
    pub max_connections: usize,
    /// Whether and how connections are encrypted, and what the server's certificate is checked against.
    pub tls: TlsConfig,
    /// How long one attempt to connect may take, until the connection can be used; a connection that idled is given as
    /// long to answer, but 1 s at most. Default 10 s.
    pub connect_timeout: Duration,
    /// How long an operation waits for a connection, the making of one included. Default 30 s.
    pub acquire_timeout: Duration,
    /// How many operations may wait for a connection at the same time; one more fails at once. Default `None`: any number.
    pub max_waiting: Option<usize>,
    /// The longest that the server may work on one statement: `statement_timeout` of each session. Default `None`: what
    /// the server, the database or the role says.
    pub statement_timeout: Option<Duration>,
    /// The longest that a statement may wait for one lock: `lock_timeout` of each session. Default `None`, as above.
    pub lock_timeout: Option<Duration>,
    /// The longest that a transaction may idle, until the server ends its session:
    /// `idle_in_transaction_session_timeout`. Default `None`, as above.
    pub idle_in_transaction_timeout: Option<Duration>,
    /// How long closing the pool waits for operations under way. Default 10 s.
    pub close_timeout: Duration,
    /// How old a connection becomes before it is replaced, or up to a fifth less, so that not all are at once; `None` is
    /// for ever. Only one is replaced at a time; the others are used for as long. Default 30 min.
    pub max_lifetime: Option<Duration>,
    /// How long a connection may idle before it is closed; `None` is for ever. Default 10 min.
    pub max_idle: Option<Duration>,
    /// A connection that has idled for longer is pinged before it is used, which costs a round trip; 0 pings each. So is
    /// every other one that idles when one turns out to be broken. Default 1 s.
    ///
    /// A session that the server ended less than this after its last use shows when the next operation runs on it. What
    /// may be run again is; so is a write that has to be prepared first; a write that was prepared on that session before
    /// ends with [`FaultClass::Indeterminate`](crate::FaultClass::Indeterminate), since it may have been run. With 0 there
    /// is only the moment between the ping and the operation.
    pub idle_check: Duration,
    /// How many prepared statements a connection keeps, at least 1. Default 100.
    pub statement_cache: usize,
    /// A statement that takes as long or longer is worth a warning in the log. Default `None`: no statement is.
    pub slow_statement: Option<Duration>,
    /// Whether spans and events hold the texts of statements, as `db.query.text`. Values that are bound are never in them;
    /// those that stand in SQL of your own, as in a script, are. Default `false`.
    pub trace_sql: bool,
    /// How operations are run again that failed without effect, or have none. Default: [`RetryConfig::default`].
    pub retry: RetryConfig,
    /// Whether a circuit breaker turns operations away while the server fails, and when it does. Default `None`: it takes
    /// callers that have something else to do, and waits for the server are bounded without it.
    pub breaker: Option<BreakerConfig>,
}

impl Default for DbConfig {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            password: None,
            password_callback: None,
            allow_plaintext_password: false,
            database: None,
            application_name: "pgrepo".to_owned(),
            max_connections: 10,
            tls: TlsConfig::default(),
            connect_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(30),
            max_waiting: None,
            statement_timeout: None,
            lock_timeout: None,
            idle_in_transaction_timeout: None,
            close_timeout: Duration::from_secs(10),
            max_lifetime: Some(Duration::from_secs(30 * 60)),
            max_idle: Some(Duration::from_secs(10 * 60)),
            idle_check: Duration::from_secs(1),
            statement_cache: 100,
            slow_statement: None,
            trace_sql: false,
            retry: RetryConfig::default(),
            breaker: None,
        }
    }
}

impl DbConfig {
    /// Reads the environment.
    ///
    /// Of each setting the first of these counts that is there; an empty variable is as good as none:
    ///
    /// 1. a parameter of `DATABASE_URL`, and then its other parts: see [`from_url`](Self::from_url);
    /// 2. `POSTGRES_` and a name: `HOST`, `PORT`, `USER`, `PASSWORD` or `PASSWORD_FILE`, `DB` (or `DATABASE`),
    ///    `APPLICATION_NAME`, `USE_SSL`, `SSL_MODE`, `SSL_ROOT_CERT`, `SSL_CERT`, `SSL_KEY`,
    ///    `ALLOW_PLAINTEXT_PASSWORD`, `PASSFILE`, `MAX_CONNECTIONS`, `COMMAND_TIMEOUT` (or `STATEMENT_TIMEOUT`), and the
    ///    other fields' names in capitals, such as `CONNECT_TIMEOUT`;
    /// 3. libpq's `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGPASSFILE`, `PGDATABASE`, `PGAPPNAME`, `PGSSLMODE`,
    ///    `PGSSLROOTCERT`, `PGSSLCERT`, `PGSSLKEY` and `PGCONNECT_TIMEOUT`;
    /// 4. the default.
    ///
    /// Host, port, user, password and database belong together: where there is a `DATABASE_URL`, it alone says them.
    /// Without a password that of libpq's [password file](https://www.postgresql.org/docs/current/libpq-pgpass.html) is
    /// taken, if there is one for where the connection goes: `PGPASSFILE` or `~/.pgpass`. With a TLS mode from `require`
    /// on, `~/.postgresql/root.crt` is the root certificate if there is such a file and no other was named; the
    /// client's certificate and key are not looked for there.
    ///
    /// Times are in seconds, or in the unit behind them: `30`, `0.5`, `250ms`, `5min`, `1h`; `off` is `None`.
    /// `POSTGRES_USE_SSL=true` without a mode is `verify-full`, `false` is `disable`.
    ///
    /// A variable that begins with `POSTGRES_`, is not known and is near to a known one gives a warning in the log. Those
    /// of libpq that say where to connect or how far to trust, and that pgrepo does not keep (`PGSERVICE`, `PGHOSTADDR`,
    /// `PGOPTIONS`, `PGTARGETSESSIONATTRS`, `PGREQUIREAUTH`, `PGCHANNELBINDING`, `PGGSSENCMODE`, `PGSSLCRL` and their
    /// like), are errors where they ask for something; the others (`PGTZ`, `PGDATESTYLE`, `PGCLIENTENCODING`, …) have no
    /// effect.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): a variable is not Unicode, cannot be meant, or contradicts
    /// another; the message names it.
    ///
    /// # Examples
    /// ```no_run
    /// use pgrepo::DbConfig;
    /// // `DATABASE_URL`, or `POSTGRES_HOST`, `PGUSER` and so on, or the defaults.
    /// let config = DbConfig::from_env()?;
    /// println!("{} on {}:{}", config.user, config.host, config.port);
    /// # Ok::<(), pgrepo::Error>(())
    /// ```
    pub fn from_env() -> Result<Self> {
        env::Environment::of_process("").read()
    }

    /// Reads the variables of the environment that begin with a prefix, such as those of one of several stages:
    /// `STAGING_DATABASE_URL`, or `STAGING_POSTGRES_HOST`, `STAGING_PGHOST` and so on for `STAGING_`.
    ///
    /// Those without the prefix are not read, so that no setting of another stage gets in.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env), and if no setting begins with the prefix.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> pgrepo::Result<()> {
    /// use pgrepo::{Db, DbConfig};
    /// // `STAGING_POSTGRES_HOST` and its like.
    /// let staging = Db::connect(DbConfig::from_env_prefixed("STAGING_")?).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_env_prefixed(prefix: &str) -> Result<Self> {
        env::Environment::of_process(prefix).read()
    }

    /// Reads a URL: `postgres://user:password@host:port/database?sslmode=…&statement_timeout=…`. A unix socket's folder is
    /// given as `?host=/folder`.
    ///
    /// The parameters are libpq's `host`, `port`, `user`, `password`, `passfile`, `dbname`, `application_name`, `sslmode`,
    /// `sslrootcert`, `sslcert`, `sslkey` and `connect_timeout`, then `password_file`, `statement-cache-capacity` (sqlx's
    /// name of `statement_cache`), and the other fields' names. Values are as in [`from_env`](Self::from_env), so a time
    /// without a unit is in seconds.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): it is no such URL, or has a parameter that pgrepo does not know;
    /// the message never holds the URL.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::DbConfig;
    /// use std::time::Duration;
    ///
    /// let config = DbConfig::from_url("postgres://importer@db.example.com:5433/app?statement_timeout=5min")?;
    /// assert_eq!((&*config.host, config.port), ("db.example.com", 5433));
    /// assert_eq!(config.statement_timeout, Some(Duration::from_secs(300)));
    /// # Ok::<(), pgrepo::Error>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Self> {
        let mut draft = settings::Draft::default();
        url::read(&mut draft, url, "the URL")?;
        draft.finish()
    }

    /// Takes the password from a file of libpq's
    /// [format](https://www.postgresql.org/docs/current/libpq-pgpass.html), if it has one for this host, port, database
    /// and user.
    ///
    /// As in libpq, a file that others than its owner may read is passed over, with a warning in the log.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): it cannot be read.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> pgrepo::Result<()> {
    /// use pgrepo::{Db, DbConfig};
    /// let config = DbConfig::from_url("postgres://importer@db.example.com/app")?;
    /// let db = Db::connect(config.with_pgpass("/run/secrets/pgpass")?).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_pgpass(mut self, file: impl AsRef<Path>) -> Result<Self> {
        if let Some(password) = pgpass::password(file.as_ref(), &self)? {
            self.password = Some(password);
        }
        Ok(self)
    }

    /// Has a function asked for the password each time that a connection is made, in the place of a fixed one.
    ///
    /// It is called within [`connect_timeout`](Self::connect_timeout). Where it fails, so does the connection, with
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection) and the failure as its cause.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::config::{DbConfig, Password};
    ///
    /// async fn token() -> Result<String, std::io::Error> {
    ///     Ok("a token that is valid for a while".to_owned())
    /// }
    ///
    /// let config = DbConfig::default().with_password_callback(|| async { token().await.map(Password::new) });
    /// ```
    pub fn with_password_callback<F, Fut, E>(mut self, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Password, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.password = None;
        self.password_callback = Some(PasswordCallback::new(ask));
        self
    }

    /// The same with another limit of connections.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::DbConfig;
    /// assert_eq!(DbConfig::default().with_max_connections(4).max_connections, 4);
    /// ```
    pub fn with_max_connections(mut self, max: usize) -> Self {
        self.max_connections = max;
        self
    }
}
