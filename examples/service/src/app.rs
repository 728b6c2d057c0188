//! What all requests share, and the paths that they come by.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post, put};
use metrics_exporter_prometheus::PrometheusHandle;
use pgrepo::Db;
use tokio::sync::{Semaphore, watch};

use crate::problem::Problem;
use crate::routes::{airports, health, metrics, search, stats, uploads};
use crate::settings::Settings;
use crate::stage::Stage;

/// The bytes of a document that is searched by.
const MAX_DOCUMENT: usize = 64 * 1024;

/// The airports of a page, where the request does not say.
pub(crate) const PAGE: NonZeroUsize = NonZeroUsize::new(50).unwrap();

/// The most airports of a page.
pub(crate) const MAX_PAGE: usize = 500;

/// What all requests share.
pub(crate) struct App {
    pub(crate) db: Db,
    /// One connection beside the pool, so that the health is told at full load too.
    pub(crate) watcher: Db,
    pub(crate) settings: Settings,
    pub(crate) uploads: Semaphore,
    pub(crate) max_uploads: usize,
    pub(crate) stage: watch::Receiver<Stage>,
    pub(crate) exporter: PrometheusHandle,
    /// Whether the schema was once found to be as it should.
    pub(crate) migrated: AtomicBool,
}

/// The paths.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/airports", get(airports::list))
        .route("/airports/search", post(search::search))
        .route("/airports/{icao}", get(airports::one))
        .route("/uploads/{id}", put(uploads::put).get(uploads::get))
        .route("/stats", get(stats::stats))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback(async || Problem::NotFound("no-such-path", "the service has no such path".to_owned()))
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(DefaultBodyLimit::max(MAX_DOCUMENT))
        .layer(from_fn(metrics::count))
        .with_state(app)
}
