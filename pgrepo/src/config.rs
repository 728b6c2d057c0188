//! Where the server is and how it is used: read from the environment, a URL or code; checked once.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::retry::RetryConfig;

mod env;

/// How to reach a server, and the limits of the pool that does.
///
/// Make one by [`from_env`](Self::from_env) or [`from_url`](Self::from_url), or fill the fields in from
/// [`default`](Self::default). `Debug` shows no password.
///
/// This version has no TLS: connections are in plain text, so use them on a trusted network, through a unix socket or
/// through a tunnel. A password is sent only in the way that the server asks for it, which by default is SCRAM: it does
/// not go over the wire then.
///
/// Whatever the environment says of other servers (`PGPASSWORD`, `PGOPTIONS`, `PGSSLROOTCERT` and so on) does not go into
/// a connection: what is here decides, and [`from_env`](Self::from_env) alone reads the variables that it names. As the
/// driver would send `PGOPTIONS` all the same, a connection is refused while that is set.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DbConfig {
    /// A host name or address, or the folder of a unix socket, which begins with `/`. Default `localhost`.
    pub host: String,
    /// The port, also of a unix socket. Default 5432.
    pub port: u16,
    /// The role to connect as. Default `postgres`.
    pub user: String,
    /// The password, if the server asks for one.
    pub password: Option<Password>,
    /// The database; `None` means the one named like the role.
    pub database: Option<String>,
    /// What `pg_stat_activity` shows. Default `pgrepo`.
    pub application_name: String,
    /// The most connections that the pool opens, 1 to 10,000; one more, outside the pool, ends sessions whose work was
    /// dropped. Default 10.
    pub max_connections: usize,
    /// How long one attempt to connect may take, until the connection can be used; a connection that idled is given as
    /// long to answer, but 2 s at most. Default 10 s.
    pub connect_timeout: Duration,
    /// How long an operation waits for a connection, the making of one included. Default 30 s.
    pub acquire_timeout: Duration,
    /// A connection that has idled for longer is pinged before it is used. Default 30 s.
    pub idle_check: Duration,
    /// How many prepared statements a connection keeps, at least 1. Default 100.
    pub statement_cache: usize,
    /// How operations are run again that failed without effect, or have none.
    pub retry: RetryConfig,
}

/// A password that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Default for DbConfig {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            password: None,
            database: None,
            application_name: "pgrepo".to_owned(),
            max_connections: 10,
            connect_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(30),
            idle_check: Duration::from_secs(30),
            statement_cache: 100,
            retry: RetryConfig::default(),
        }
    }
}

impl fmt::Debug for DbConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DbConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &self.password)
            .field("database", &self.database)
            .field("application_name", &self.application_name)
            .field("max_connections", &self.max_connections)
            .field("connect_timeout", &self.connect_timeout)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("idle_check", &self.idle_check)
            .field("statement_cache", &self.statement_cache)
            .field("retry", &self.retry)
            .finish()
    }
}

impl DbConfig {
    /// Reads the environment: `DATABASE_URL` if it is set, else `POSTGRES_HOST`, `POSTGRES_PORT`, `POSTGRES_USER`,
    /// `POSTGRES_PASSWORD`, `POSTGRES_DB` and `POSTGRES_MAX_CONNECTIONS`, and for what these leave open `PGHOST`,
    /// `PGPORT`, `PGUSER`, `PGPASSWORD` and `PGDATABASE`.
    ///
    /// `POSTGRES_SSL_MODE`, or else `PGSSLMODE`, is read in each case: as there is no TLS, it may be `disable`, `allow` or
    /// `prefer` only.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: a variable is not Unicode, no number or out of range, or asks for TLS; the message names
    /// it.
    pub fn from_env() -> Result<Self> {
        env::read(|name| std::env::var_os(name))
    }

    /// Reads a URL: `postgres://user:password@host:port/database?application_name=…`. A unix socket's folder is given
    /// as `?host=/folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: it is no such URL, or has a parameter that pgrepo does not know; the message never holds
    /// the URL.
    pub fn from_url(url: &str) -> Result<Self> {
        let mut config = Self::default();
        env::url(&mut config, url, "the URL")?;
        config.checked()
    }

    /// The same with another limit of connections.
    pub fn with_max_connections(mut self, max: usize) -> Self {
        self.max_connections = max;
        self
    }

    pub(crate) fn checked(self) -> Result<Self> {
        let wrong = |what: &'static str| Err(Error::new(ErrorKind::Config, what));
        if self.max_connections == 0 {
            return wrong("max_connections is 0: the pool needs at least one");
        }
        // The pool sets memory aside for each, and no server serves as many: more is a mistake, such as a wrong unit.
        if self.max_connections > 10_000 {
            return wrong("max_connections is above 10000, which no server serves");
        }
        // The driver would leave each statement behind on the server.
        if self.statement_cache == 0 {
            return wrong("statement_cache is 0: a connection keeps at least the statement that it runs");
        }
        // A text of the protocol ends at NUL: what followed would be read as another setting.
        let texts = [&self.host, &self.user, &self.application_name].into_iter().chain(&self.database);
        if texts.chain(self.password.as_ref().map(|password| &password.0)).any(|text| text.contains('\0')) {
            return wrong("the host, user, password, database or application_name holds a NUL character");
        }
        if self.host.is_empty() {
            return wrong("the host is empty");
        }
        if self.user.is_empty() {
            return wrong("the user is empty");
        }
        if self.connect_timeout.is_zero() || self.acquire_timeout.is_zero() {
            return wrong("a timeout of 0 lets nothing happen: connect_timeout and acquire_timeout must be longer");
        }
        Ok(self)
    }
}
