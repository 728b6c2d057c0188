//! Where the server is and how it is used: read from the environment, a URL or code; checked once.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

mod env;

/// How to reach a server, and the limits of the pool that does.
///
/// Make one by [`from_env`](Self::from_env) or [`from_url`](Self::from_url), or fill the fields in from
/// [`default`](Self::default). `Debug` shows no password.
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
    /// The most connections that the pool opens; one more, outside the pool, ends sessions whose work was dropped.
    /// Default 10.
    pub max_connections: usize,
    /// How long one attempt to connect may take. Default 10 s.
    pub connect_timeout: Duration,
    /// How long an operation waits for a connection, the making of one included. Default 30 s.
    pub acquire_timeout: Duration,
    /// A connection that has idled for longer is pinged before it is used. Default 30 s.
    pub idle_check: Duration,
    /// How many prepared statements a connection keeps. Default 100.
    pub statement_cache: usize,
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
            .finish()
    }
}

impl DbConfig {
    /// Reads the environment: `DATABASE_URL` if it is set, else `POSTGRES_HOST`, `POSTGRES_PORT`, `POSTGRES_USER`,
    /// `POSTGRES_PASSWORD`, `POSTGRES_DB` and `POSTGRES_MAX_CONNECTIONS`, and for what these leave open `PGHOST`,
    /// `PGPORT`, `PGUSER`, `PGPASSWORD` and `PGDATABASE`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: a variable is not Unicode, no number or out of range; the message names it.
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
