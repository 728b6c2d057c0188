use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, PgConnection, Row};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::config::{DbConfig, Password, TlsMode};
use crate::error::{Error, ErrorKind, Result};
use crate::observe::About;
use crate::table::RowType;
use crate::value::TypeInfo;

use super::control::{Control, PATIENCE};
use super::driver::{self, Prepared};
use super::hook::{AfterConnect, NewConnection};
use super::places::Place;

/// A server session: the driver's connection, who it is on the server, and what was prepared on it.
pub(crate) struct Session {
    pub(crate) conn: PgConnection,
    pub(crate) who: Who,
    pub(crate) statements: HashMap<Arc<str>, Arc<Prepared>>,
    /// The types that its catalog described, by their OID.
    pub(crate) types: HashMap<u32, TypeInfo>,
    /// The types of the rows of tables that it described, by the tables' quoted names.
    pub(crate) row_types: HashMap<String, Arc<RowType>>,
    /// The role and the `search_path` that the scope of the last transaction set, or nothing.
    pub(crate) scope: String,
    pub(crate) control: Arc<Control>,
    pub(crate) runtime: Handle,
    pub(crate) statement_cache: usize,
    /// When it was lent last, or given back.
    pub(super) touched: Instant,
    /// When it is old enough to be replaced.
    pub(super) expires: Option<Instant>,
    /// The longest that the server may leave one step of a statement unanswered.
    pub(crate) answer_limit: Option<Duration>,
    pub(crate) slow_statement: Option<Duration>,
    /// Whether it is in plain text for certain.
    pub(super) plain: bool,
    /// What is said of the database.
    pub(crate) about: Arc<About>,
    /// Counts this session against the limit until the server has ended it.
    place: Option<Place>,
}

/// How much longer than a statement may take its answer may be under way.
const MARGIN: Duration = Duration::from_secs(1);

impl Session {
    /// Makes a session that can be used: connected, known by name, and set up as the callback wants it.
    pub(super) async fn open(
        config: &DbConfig,
        after_connect: Option<&AfterConnect>,
        control: &Arc<Control>,
        about: &Arc<About>,
        place: Place,
    ) -> Result<Box<Self>> {
        let (conn, who) = within_limit(config, async {
            let mut conn = reach(config, &config.application_name).await?;
            let who = who(&mut conn).await?;
            let mut new = NewConnection { conn };
            if let Some(after_connect) = after_connect {
                after_connect(&mut new).await.map_err(|e| e.during("after_connect"))?;
            }
            Ok((new.conn, who))
        })
        .await?;
        let now = Instant::now();
        // In a box: a connection on loan is passed on many times for each operation.
        Ok(Box::new(Self {
            conn,
            who,
            statements: HashMap::new(),
            types: HashMap::new(),
            row_types: HashMap::new(),
            scope: String::new(),
            control: Arc::clone(control),
            runtime: Handle::current(),
            statement_cache: config.statement_cache,
            touched: now,
            expires: config.max_lifetime.and_then(|most| now.checked_add(some_less(most))),
            answer_limit: config.statement_timeout.map(|limit| limit.saturating_add(MARGIN)),
            slow_statement: config.slow_statement,
            plain: config.tls_mode() == TlsMode::Disable,
            about: Arc::clone(about),
            place: Some(place),
        }))
    }

    /// Closes it, and hands over its place for its successor.
    pub(super) fn retire(mut self) -> Option<Place> {
        self.place.take()
    }

    /// Ends it on the server, then closes it.
    ///
    /// Its socket is closed last, so that its process id is not used again before. A server that takes long, or cannot
    /// be reached, does not keep the next session waiting for more than a moment.
    pub(super) async fn end(mut self) {
        let control = Arc::clone(&self.control);
        let mut ended = std::pin::pin!(control.end(&self.who));
        if timeout(PATIENCE, &mut ended).await.is_err() {
            drop(self.place.take());
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

/// A time of at most this length and at least four fifths of it, so that what was made together does not end together.
fn some_less(most: Duration) -> Duration {
    let hundredths = RandomState::new().build_hasher().finish() % 21;
    most - most / 100 * u32::try_from(hundredths).unwrap_or(0)
}

/// Where the server is, for messages.
fn address(config: &DbConfig) -> String {
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
    Error::new(kind, format!("no connection to {}{tls}", address(config))).caused_by(cause).during("connect")
}

/// Connects within the limit, without TCP's delay of small packets.
pub(super) async fn connect(config: &DbConfig, name: &str) -> Result<PgConnection> {
    within_limit(config, reach(config, name)).await
}

/// Holds all that makes a connection ready to the one limit.
async fn within_limit<T>(config: &DbConfig, work: impl Future<Output = Result<T>>) -> Result<T> {
    let limit = config.connect_timeout;
    timeout(limit, work).await.unwrap_or_else(|_| {
        let message = format!("no connection to {} within {limit:?}", address(config));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_together_does_not_grow_old_together() {
        let most = Duration::from_secs(1000);
        let times: Vec<_> = (0..500).map(|_| some_less(most)).collect();
        assert!(times.iter().all(|time| *time <= most && *time >= most / 5 * 4));
        let (least, greatest) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        assert!(*greatest - *least >= most / 10, "{least:?} to {greatest:?}");
    }
}
