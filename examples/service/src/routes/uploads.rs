//! An upload, and what became of it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use metrics::counter;
use pgrepo::WithDeadline;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;
use uuid::Uuid;

use crate::airport::{Reject, Upload};
use crate::app::App;
use crate::body::drain;
use crate::problem::Problem;
use crate::upload::{Format, Stored, find, store, under_way};

use super::{Path, Query};

/// How much of an upload may be bad.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tolerance {
    /// With more bad lines nothing is stored. At most what the service allows.
    max_rejects: Option<u64>,
}

/// What is stored of an upload.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    id: Uuid,
    state: &'static str,
    format: String,
    rows: i64,
    rejected: i64,
    /// The first bad lines.
    rejects: Vec<Reject>,
    /// How many there are beside these.
    rejects_not_told: i64,
    /// Whether it was stored by an earlier request, and nothing by this one.
    repeated: bool,
}

impl Report {
    fn new(upload: Upload, repeated: bool) -> Self {
        let Upload { id, format, rows, rejected, rejects } = upload;
        let told = i64::try_from(rejects.0.len()).unwrap_or(i64::MAX);
        let rejects_not_told = rejected.saturating_sub(told);
        Self { id, state: "committed", format, rows, rejected, rejects: rejects.0, rejects_not_told, repeated }
    }
}

/// `PUT /uploads/{id}`
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Path(id): Path<Uuid>,
    Query(tolerance): Query<Tolerance>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Report>), Problem> {
    let stored = try_put(&app, id, &tolerance, &headers, body).await;
    let outcome = match &stored {
        Ok(Stored::Now(upload)) => {
            counter!("service_upload_rows_total").increment(upload.rows.unsigned_abs());
            counter!("service_upload_rejects_total").increment(upload.rejected.unsigned_abs());
            "stored"
        }
        Ok(Stored::Before(_)) => "repeated",
        Err(problem) => problem.reason(),
    };
    counter!("service_uploads_total", "outcome" => outcome).increment(1);
    Ok(match stored? {
        Stored::Now(upload) => (StatusCode::CREATED, Json(Report::new(upload, false))),
        Stored::Before(upload) => (StatusCode::OK, Json(Report::new(upload, true))),
    })
}

async fn try_put(
    app: &App,
    id: Uuid,
    tolerance: &Tolerance,
    headers: &HeaderMap,
    body: Body,
) -> Result<Stored, Problem> {
    let body = body.into_data_stream();
    let prepared = async {
        let (format, max_rejects) = (format(headers)?, max_rejects(app, tolerance)?);
        Ok((format, max_rejects, turn(app).await?))
    };
    match prepared.await {
        Ok((format, max_rejects, _turn)) => store(app, id, format, max_rejects, body).await,
        Err(problem) => {
            tokio::spawn(drain(body));
            Err(problem)
        }
    }
}

/// What the headers say that the body is. UTF-8 is the only encoding, and nothing is compressed.
fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    const WANTED: &str = "an upload is of the type text/csv or application/x-ndjson";
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::MediaType("a compressed upload is not read".to_owned()));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let mut parts = kind.unwrap_or_default().split(';').map(|part| part.trim().to_ascii_lowercase());
    let format = match parts.next().as_deref() {
        Some("text/csv") => Format::Csv,
        Some("application/x-ndjson" | "application/ndjson" | "application/jsonl") => Format::Ndjson,
        _ => return Err(Problem::MediaType(WANTED.to_owned())),
    };
    let foreign = parts.find(|part| {
        part.strip_prefix("charset=").is_some_and(|set| !matches!(set.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"))
    });
    match foreign {
        Some(set) => Err(Problem::MediaType(format!("{WANTED}, in UTF-8, and not with {set}"))),
        None => Ok(format),
    }
}

fn max_rejects(app: &App, tolerance: &Tolerance) -> Result<u64, Problem> {
    let most = app.settings.max_rejects;
    match tolerance.max_rejects {
        Some(wanted) if wanted > most => {
            Err(Problem::Invalid("invalid-parameter", format!("max_rejects is at most {most} here")))
        }
        wanted => Ok(wanted.unwrap_or(most)),
    }
}

/// Waits until it may begin; the body is not read meanwhile.
async fn turn(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    match timeout(app.settings.upload_wait, app.uploads.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_closed)) => Err(Problem::Unavailable("stopping", "the service is stopping".to_owned())),
        Err(_elapsed) => Err(Problem::Busy(app.max_uploads)),
    }
}

/// `GET /uploads/{id}`: the truth about an upload, also after its answer was lost.
pub(crate) async fn get(State(app): State<Arc<App>>, Path(id): Path<Uuid>) -> Result<Json<Value>, Problem> {
    match find(&app, id).with_deadline(app.settings.request_limit).await? {
        (_, Some(upload)) => Ok(Json(json!(Report::new(upload, true)))),
        (true, None) => Err(under_way(id)),
        (false, None) => {
            let detail =
                format!("nothing is stored of an upload {id}: it never began, or it failed as a whole; send it again");
            Err(Problem::NotFound("no-such-upload", detail))
        }
    }
}
