//! The service from its start to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::BuildError;
use pgrepo::{Db, DbConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::app::{App, router};
use crate::migrations::{self, SchemaError};
use crate::routes::metrics::exporter;
use crate::settings::{Settings, SettingsError};
use crate::stage::{Stage, reached};
use crate::taken::Taken;

/// How long uploads that are rolled back at the end may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often the exporter tidies up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be meant.
    #[error("a setting is wrong")]
    Settings(#[from] SettingsError),
    /// No database is named.
    #[error(
        "no database is named: set DATABASE_URL, or POSTGRES_HOST or PGHOST and what belongs to it{}",
        if cfg!(feature = "throwaway") { "" } else { " (this build has no server of its own)" }
    )]
    NoDatabase,
    /// The address is taken, or none of this machine's.
    #[error("cannot listen on {address}: {}", taken(.source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The database cannot be reached, or its settings are wrong.
    #[error("no database")]
    Database(#[from] pgrepo::Error),
    /// Its schema is not the one that it should be.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The metrics have no place to go.
    #[error("no metrics")]
    Metrics(#[from] BuildError),
    /// The throwaway server does not start.
    #[cfg(feature = "throwaway")]
    #[error("no server of its own; set DATABASE_URL to use another one")]
    Throwaway(#[from] pgrepo::testkit::TestkitError),
}

fn taken(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use; set SERVICE_LISTEN to another one",
        io::ErrorKind::PermissionDenied => "the system forbids it; set SERVICE_LISTEN to a port above 1023",
        _ => "the system refuses it; set SERVICE_LISTEN to an address of this machine",
    }
}

/// How the service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The connections of clients that had to be cut.
    pub cut: usize,
    /// The connections to the database that were still in use.
    pub left: usize,
}

/// A service that listens, and serves when it is run.
pub struct Service {
    app: Arc<App>,
    stage: watch::Sender<Stage>,
    listener: TcpListener,
    address: SocketAddr,
}

impl Service {
    /// Listens, connects and sees to the schema.
    ///
    /// # Errors
    /// What a person has to mend; nothing is left behind.
    pub async fn start(settings: Settings, database: DbConfig) -> Result<Self, StartError> {
        let refused = |source| StartError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let exporter = exporter()?;

        let max_uploads = settings.max_uploads.unwrap_or((database.max_connections / 2).max(1));
        let watcher = Db::connect(database.clone().with_max_connections(1)).await?;
        let db = Db::connect(database).await?;
        if settings.migrate {
            migrations::run(&db).await?;
        }
        let migrated = match migrations::check(&db).await {
            Ok(()) => true,
            // Somebody else is to run them.
            Err(pending @ SchemaError::Pending { .. }) if !settings.migrate => {
                tracing::warn!("not ready: {pending}");
                false
            }
            Err(error) => return Err(error.into()),
        };
        let (stage, seen) = watch::channel(Stage::Serving);
        let app = App {
            db,
            watcher,
            uploads: Semaphore::new(max_uploads),
            max_uploads,
            settings,
            stage: seen,
            exporter,
            migrated: AtomicBool::new(migrated),
        };
        Ok(Self { app: Arc::new(app), stage, listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is over. Then no connection is taken any more, requests under way end, and uploads that have
    /// not ended in time are rolled back and told so; at last the connections to the database are closed.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Ended {
        let Self { app, stage, listener, .. } = self;
        let settings = &app.settings;
        let router = router(Arc::clone(&app));
        let places = Arc::new(Semaphore::new(settings.max_clients));
        let mut clients = JoinSet::new();
        let mut upkeep = tokio::time::interval(UPKEEP);
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                (client, place) = accept(&listener, &places) => {
                    let draining = reached(&app.stage, Stage::Draining);
                    clients.spawn(serve(client, place, router.clone(), settings.head_limit, settings.request_limit, draining));
                }
                Some(_) = clients.join_next() => {}
                _ = upkeep.tick() => app.exporter.run_upkeep(),
            }
        }
        drop(listener);
        tracing::info!(clients = clients.len(), "stopping");
        stage.send_replace(Stage::Draining);
        if timeout(settings.shutdown_limit, all(&mut clients)).await.is_err() {
            stage.send_replace(Stage::Aborting);
            let _rest = timeout(LAST_WORDS, all(&mut clients)).await;
        }
        let cut = clients.len();
        clients.shutdown().await;
        let left = app.db.close().await + app.watcher.close().await;
        Ended { cut, left }
    }
}

async fn all(clients: &mut JoinSet<()>) {
    while clients.join_next().await.is_some() {}
}

/// Waits for a place, and then for a client.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // It is never closed; without a place there is no limit.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((client, _)) => return (client, place),
            Err(error) => {
                tracing::warn!(%error, "a client could not be taken");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Serves one client, until it goes or the service stops.
async fn serve(
    client: TcpStream,
    _place: Option<OwnedSemaphorePermit>,
    router: Router,
    head_limit: Duration,
    answer_limit: Duration,
    draining: impl Future<Output = ()>,
) {
    // An answer in several pieces does not wait for the client's acknowledgement.
    let _slower = client.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_limit);
    let connection =
        http.serve_connection(TokioIo::new(Taken::new(client, answer_limit)), TowerToHyperService::new(router));
    let (mut connection, mut draining) = (std::pin::pin!(connection), std::pin::pin!(draining));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = &mut draining => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client broke off");
    }
}
