use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, PgConnection, Row};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::config::{DbConfig, Password, TlsMode};
use crate::error::{Error, ErrorKind, Result};
use crate::table::RowType;
use crate::value::TypeInfo;

use super::control::{Control, PATIENCE};
use super::driver::{self, Prepared};

/// A server session: the driver's connection, who it is on the server, and what was prepared on it.
pub(crate) struct Session {
    pub(crate) conn: PgConnection,
    pub(crate) who: Who,
    pub(crate) statements: HashMap<Arc<str>, Arc<Prepared>>,
    /// The types that its catalog described, by their OID.
    pub(crate) types: HashMap<u32, TypeInfo>,
    /// The types of the rows of tables that it described, by the tables' quoted names.
    pub(crate) row_types: HashMap<String, Arc<RowType>>,
    pub(crate) control: Arc<Control>,
    pub(crate) runtime: Handle,
    pub(crate) statement_cache: usize,
    pub(crate) idle_since: Instant,
    /// Counts this session against the limit until the server has ended it.
    permit: Option<OwnedSemaphorePermit>,
}

impl Session {
    /// Ends it on the server, then closes it.
    ///
    /// Its socket is closed last, so that its process id is not used again before. A server that takes long, or cannot
    /// be reached, does not keep the next session waiting for more than a moment.
    pub(super) async fn end(mut self) {
        let control = Arc::clone(&self.control);
        let mut ended = std::pin::pin!(control.end(&self.who));
        if timeout(PATIENCE, &mut ended).await.is_err() {
            drop(self.permit.take());
            ended.await;
        }
    }
}

/// A server session's identity: a process id may be used again, so its start goes with it.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) pid: i32,
    pub(crate) started: String,
}

/// How long a connection that has idled may take to answer: one that takes longer is better made anew.
const PING: Duration = Duration::from_secs(2);

/// Makes sessions for the pool, and judges whether one may be used again.
pub(crate) struct Manager {
    config: DbConfig,
    control: Arc<Control>,
    sessions: Arc<Semaphore>,
}

impl Manager {
    pub(crate) fn new(config: DbConfig) -> Self {
        let control = Arc::new(Control::new(config.clone()));
        let sessions = Arc::new(Semaphore::new(config.max_connections));
        Self { config, control, sessions }
    }

    async fn open(&self) -> Result<Box<Session>> {
        let closed = |_| Error::new(ErrorKind::Connection, "the pool is closed");
        let permit = Arc::clone(&self.sessions).acquire_owned().await.map_err(closed)?;
        let (conn, who) = within_limit(&self.config, async {
            let mut conn = reach(&self.config, &self.config.application_name).await?;
            let who = who(&mut conn).await?;
            Ok((conn, who))
        })
        .await?;
        Ok(Box::new(Session {
            conn,
            who,
            statements: HashMap::new(),
            types: HashMap::new(),
            row_types: HashMap::new(),
            control: Arc::clone(&self.control),
            runtime: Handle::current(),
            statement_cache: self.config.statement_cache,
            idle_since: Instant::now(),
            permit: Some(permit),
        }))
    }

    /// The connection outside the pool.
    pub(super) fn control(&self) -> &Control {
        &self.control
    }
}

impl managed::Manager for Manager {
    // In a box: a connection on loan is passed on many times for each operation.
    type Type = Box<Session>;
    type Error = Error;

    async fn create(&self) -> Result<Box<Session>> {
        // In a box: it is large, and a part of every operation's future, which seldom needs it.
        Box::pin(self.open()).await
    }

    async fn recycle(&self, session: &mut Box<Session>, _: &Metrics) -> RecycleResult<Error> {
        if session.idle_since.elapsed() > self.config.idle_check {
            let ping = timeout(self.config.connect_timeout.min(PING), session.conn.ping()).await;
            if !matches!(ping, Ok(Ok(()))) {
                return Err(RecycleError::message("the connection did not answer after idling"));
            }
        }
        Ok(())
    }
}

/// Where the server is, for messages.
fn place(config: &DbConfig) -> String {
    match config.host.starts_with('/') {
        true => format!("the socket of port {} in {}", config.port, config.host),
        false => format!("{}, port {}", config.host, config.port),
    }
}

fn refused(config: &DbConfig, error: sqlx::Error) -> Error {
    let cause = driver::error(error);
    let kind = if cause.kind() == ErrorKind::Config { ErrorKind::Config } else { ErrorKind::Connection };
    let tls = match config.tls_mode() {
        TlsMode::Disable => String::new(),
        mode => format!(", with TLS of mode {mode}"),
    };
    Error::new(kind, format!("no connection to {}{tls}", place(config))).caused_by(cause).during("connect")
}

/// Connects within the limit, without TCP's delay of small packets.
pub(super) async fn connect(config: &DbConfig, name: &str) -> Result<PgConnection> {
    within_limit(config, reach(config, name)).await
}

/// Holds all that makes a connection ready to the one limit.
async fn within_limit<T>(config: &DbConfig, work: impl Future<Output = Result<T>>) -> Result<T> {
    let limit = config.connect_timeout;
    timeout(limit, work).await.unwrap_or_else(|_| {
        let message = format!("no connection to {} within {limit:?}", place(config));
        Err(Error::new(ErrorKind::Timeout, message).during("connect"))
    })
}

/// What the driver is told: nothing of it comes from the environment, which may speak of another server.
fn options(config: &DbConfig, name: &str, password: &str) -> Result<PgConnectOptions> {
    // The driver's options begin with PGPASSWORD, PGSSLMODE, PGOPTIONS and so on.
    let options = PgConnectOptions::new_without_pgpass()
        .host(&config.host)
        .port(config.port)
        .username(&config.user)
        .password(password)
        .database(config.database.as_deref().unwrap_or(&config.user))
        .application_name(name)
        .statement_cache_capacity(config.statement_cache)
        .disable_statement_logging();
    // The one that can only be added to.
    if options.get_options().is_some_and(|options| !options.trim().is_empty()) {
        let message = "PGOPTIONS is set, and the driver would send it to the server; pgrepo takes no settings from it: \
                       unset it";
        return Err(Error::new(ErrorKind::Config, message).during("connect"));
    }
    let options = with_tls(options, config)?;
    let mut settings = config.session_settings().peekable();
    Ok(if settings.peek().is_some() { options.options(settings) } else { options })
}

/// No TLS leaves the certificates unused, also where another crate has the driver built with TLS.
fn with_tls(options: PgConnectOptions, config: &DbConfig) -> Result<PgConnectOptions> {
    let mode = match config.tls_mode() {
        TlsMode::Disable => return Ok(options.ssl_mode(PgSslMode::Disable)),
        TlsMode::Prefer => PgSslMode::Prefer,
        TlsMode::Require => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    };
    let options = options.ssl_mode(mode);
    let options = match &config.tls.root_cert {
        Some(path) => options.ssl_root_cert(path),
        // In the place of PGSSLROOTCERT: no certificates.
        None => options.ssl_root_cert_from_pem(Vec::new()),
    };
    if let (Some(certificate), Some(key)) = (&config.tls.client_cert, &config.tls.client_key) {
        return Ok(options.ssl_client_cert(certificate).ssl_client_key(key));
    }
    // These cannot be taken back.
    for name in ["PGSSLCERT", "PGSSLKEY"] {
        if std::env::var_os(name).is_some() {
            let message = format!(
                "{name} is set, and the driver would use it, though tls.client_cert and tls.client_key are not: \
                 set these, or unset it"
            );
            return Err(Error::new(ErrorKind::Config, message).during("connect"));
        }
    }
    Ok(options)
}

async fn reach(config: &DbConfig, name: &str) -> Result<PgConnection> {
    let asked;
    let password = match &config.password_callback {
        Some(callback) => {
            asked = callback.ask().await.map_err(|e| e.during("connect"))?;
            Some(&asked)
        }
        None => config.password.as_ref(),
    };
    let options = options(config, name, password.map_or("", Password::reveal))?;
    let conn = options.connect().await.map_err(|e| refused(config, e))?;
    #[cfg(unix)]
    if !config.host.starts_with('/') {
        let port = config.port;
        tokio::task::spawn_blocking(move || super::nodelay::set(port))
            .await
            .unwrap_or_else(|e| Err(std::io::Error::other(e)))
            .map_err(|e| Error::new(ErrorKind::Connection, "TCP_NODELAY could not be set").caused_by(e))?;
    }
    Ok(conn)
}

async fn who(conn: &mut PgConnection) -> Result<Who> {
    const SQL: &str = "SELECT pid, backend_start::text FROM pg_catalog.pg_stat_activity \
                       WHERE pid = pg_catalog.pg_backend_pid()";
    let failed = |e| driver::error(e).of_kind(ErrorKind::Connection).during("connect");
    let row = sqlx::query(SQL).persistent(false).fetch_one(conn).await.map_err(failed)?;
    Ok(Who { pid: row.try_get(0).map_err(failed)?, started: row.try_get(1).map_err(failed)? })
}
