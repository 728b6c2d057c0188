//! Whether the service lives, and whether it should be sent requests.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use pgrepo::{ErrorKind, Health, PoolStatus, WithDeadline};
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::migrations::{self, SchemaError};
use crate::problem::{Problem, chain};
use crate::stage::Stage;

/// What `/health` tells.
#[derive(Debug, Serialize)]
struct Report {
    connected: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    latency_ms: Option<f64>,
    cache_hit_ratio: Option<f64>,
    active_connections: Option<u64>,
    pool: Value,
}

/// The part of the limit that the database may take: the rest is for the answer, which whoever asks may wait for no longer.
const SHARE: f64 = 0.8;

fn pool(status: &PoolStatus) -> Value {
    let PoolStatus { max, size, idle, in_use, waiting, .. } = status;
    json!({ "max": max, "size": size, "idle": idle, "in_use": in_use, "waiting": waiting })
}

/// `GET /health`
pub(crate) async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let limit = app.settings.health_limit.mul_f64(SHARE);
    let (health, stats) = tokio::join!(app.db.health(limit), app.watcher.database_stats().with_deadline(limit));
    let Health { connected, latency, pool: status, reason, .. } = health;
    let (stats, failed) = match stats {
        Ok(stats) => (Some(stats), None),
        Err(error) => (None, Some(error)),
    };
    let report = Report {
        connected: connected && stats.is_some(),
        reason: reason.or(failed).map(|error| chain(&error)),
        latency_ms: latency.map(|latency| latency.as_secs_f64() * 1e3),
        cache_hit_ratio: stats.as_ref().and_then(|stats| stats.cache_hit_ratio),
        active_connections: stats.as_ref().map(|stats| stats.connections.active),
        pool: pool(&status),
    };
    let code = if report.connected { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(json!(report)))
}

/// `GET /ready`
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    if *app.stage.borrow() != Stage::Serving {
        return Err(Problem::Unavailable("stopping", "the service is stopping".to_owned()));
    }
    let checked = async { Ok::<_, pgrepo::Error>(check(&app).await) };
    match checked.with_deadline(app.settings.health_limit.mul_f64(SHARE)).await {
        Ok(Ok(())) => Ok(Json(json!({ "ready": true }))),
        Ok(Err(SchemaError::Database(error))) if error.kind() != ErrorKind::Mismatch => Err(unreachable(&error)),
        Ok(Err(error)) => Err(Problem::Unavailable("not-migrated", chain(&error))),
        Err(error) => Err(unreachable(&error)),
    }
}

fn unreachable(error: &pgrepo::Error) -> Problem {
    Problem::Unavailable("database", chain(error))
}

/// Looks at the schema until it was once as it should, and then only whether the database answers.
async fn check(app: &App) -> Result<(), SchemaError> {
    if app.migrated.load(Ordering::Relaxed) {
        app.watcher.ping().await?;
        return Ok(());
    }
    migrations::check(&app.watcher).await?;
    app.migrated.store(true, Ordering::Relaxed);
    Ok(())
}
