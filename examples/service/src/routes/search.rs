//! The airports whose document contains another one.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request, State};
use pgrepo::WithDeadline;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::airport::Airport;
use crate::app::App;
use crate::problem::Problem;

use super::airports::{Found, size, token};

/// What is searched by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// A part of the document: `{"tz": "Europe/Zurich"}`.
    contains: Map<String, Value>,
    limit: Option<usize>,
    after: Option<String>,
}

/// `POST /airports/search`
pub(crate) async fn search(State(app): State<Arc<App>>, request: Request) -> Result<Json<Found>, Problem> {
    let (limit, began) = (app.settings.request_limit, Instant::now());
    let Ok(wanted) = timeout(limit, Json::<Wanted>::from_request(request, &())).await else {
        return Err(Problem::Late("document-too-slow", format!("the document did not come within {limit:?}")));
    };
    let Json(wanted) = wanted.map_err(refused)?;
    let (size, after) = (size(wanted.limit)?, token(wanted.after.as_deref())?);
    let found = app.db.repository::<Airport>().find(Airport::DETAILS.document().contains(wanted.contains));
    let rest = limit.saturating_sub(began.elapsed());
    let page = found.pages(size).after(after).fetch_page().with_deadline(rest).await?;
    Ok(Json(page.into()))
}

fn refused(rejection: JsonRejection) -> Problem {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => {
            Problem::MediaType("the document is to be of the type application/json".to_owned())
        }
        JsonRejection::BytesRejection(bytes) if bytes.status().as_u16() == 413 => {
            Problem::TooLarge("document-too-large", bytes.body_text())
        }
        other => Problem::Invalid("invalid-document", other.body_text()),
    }
}
