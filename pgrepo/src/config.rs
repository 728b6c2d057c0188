//! Where the server is and how it is used: read from the environment, a URL or code; checked once.

use std::fmt;
use std::time::Duration;

use crate::error::Result;

mod check;
mod env;
mod tls;

pub use tls::{TlsConfig, TlsMode};

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// A connection that has idled for longer is pinged before it is used, which costs a round trip; 0 pings each. Default
    /// 1 s.
    pub idle_check: Duration,
    /// How many prepared statements a connection keeps, at least 1. Default 100.
    pub statement_cache: usize,
    /// A statement that takes as long or longer is worth a warning in the log. Default `None`: no statement is.
    pub slow_statement: Option<Duration>,
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
        }
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
}
