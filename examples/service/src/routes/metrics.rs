//! What the service counts, as Prometheus reads it.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::app::App;

/// The bounds of the times that requests take, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The process's exporter, installed by the first call.
///
/// # Errors
/// The process has another recorder already.
pub(crate) fn exporter() -> Result<PrometheusHandle, BuildError> {
    static EXPORTER: OnceLock<PrometheusHandle> = OnceLock::new();
    static INSTALLING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(exporter) = EXPORTER.get() {
        return Ok(exporter.clone());
    }
    let times = Matcher::Suffix("_seconds".to_owned());
    let exporter = PrometheusBuilder::new().set_buckets_for_metric(times, &SECONDS)?.install_recorder()?;
    metrics::describe_counter!("service_http_requests_total", "Requests that were answered.");
    metrics::describe_histogram!("service_http_request_duration_seconds", "How long the answers took.");
    metrics::describe_counter!("service_uploads_total", "Uploads, by what became of them.");
    metrics::describe_counter!("service_upload_rows_total", "Airports that uploads have stored.");
    metrics::describe_counter!("service_upload_rejects_total", "Bad lines of uploads that were stored.");
    metrics::describe_gauge!("service_uploads_under_way", "Uploads that are under way.");
    Ok(EXPORTER.get_or_init(|| exporter).clone())
}

/// `GET /metrics`
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let under_way = app.max_uploads.saturating_sub(app.uploads.available_permits());
    gauge!("service_uploads_under_way").set(f64::from(u32::try_from(under_way).unwrap_or(u32::MAX)));
    app.db.record_metrics();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.exporter.render()).into_response()
}

/// Counts a request by its path as the router has it, its method and its status: the labels are few, whatever is asked.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    };
    let began = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_str().to_owned();
    histogram!("service_http_request_duration_seconds", "path" => path.clone(), "method" => method)
        .record(began.elapsed().as_secs_f64());
    counter!("service_http_requests_total", "path" => path, "method" => method, "status" => status).increment(1);
    response
}
