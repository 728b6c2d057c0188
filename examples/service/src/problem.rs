//! What went wrong with a request: a status, a reason for programs and a sentence for people, as the RFC 9457 has it.

use std::error::Error as StdError;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pgrepo::{ErrorKind, FaultClass};
use serde_json::json;

use crate::airport::Reject;

/// Why a request is not answered as it was meant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A parameter, a header or a document cannot be meant.
    #[error("{1}")]
    Invalid(&'static str, String),
    /// There is nothing of this name.
    #[error("{1}")]
    NotFound(&'static str, String),
    /// The path has no such method.
    #[error("the path does not take this method")]
    Method,
    /// It contradicts something that is under way.
    #[error("{1}")]
    Conflict(&'static str, String),
    /// The body is more than it may be.
    #[error("{1}")]
    TooLarge(&'static str, String),
    /// The body is not of a kind that is read here.
    #[error("{0}")]
    MediaType(String),
    /// The body did not come in time.
    #[error("{1}")]
    Late(&'static str, String),
    /// The upload holds nothing that could be stored, or too much that cannot.
    #[error("{detail}")]
    Unprocessable {
        /// The reason for programs.
        reason: &'static str,
        /// The same for people.
        detail: String,
        /// The lines that are to blame, the first of them.
        rejects: Vec<Reject>,
    },
    /// Too much is under way.
    #[error("{0} uploads are under way, and no more are taken; try again")]
    Busy(usize),
    /// The service cannot do it now.
    #[error("{1}")]
    Unavailable(&'static str, String),
    /// A fault of ours. The cause is for the log only.
    #[error("the service failed; its log says why")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// When to try again what is turned away.
const RETRY: Duration = Duration::from_secs(1);

impl Problem {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(..) => StatusCode::BAD_REQUEST,
            Self::NotFound(..) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(..) => StatusCode::CONFLICT,
            Self::TooLarge(..) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Late(..) => StatusCode::REQUEST_TIMEOUT,
            Self::Unprocessable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(..) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The reason for programs, which stays the same when words change.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(reason, _)
            | Self::NotFound(reason, _)
            | Self::Conflict(reason, _)
            | Self::TooLarge(reason, _)
            | Self::Late(reason, _)
            | Self::Unprocessable { reason, .. }
            | Self::Unavailable(reason, _) => reason,
            Self::Method => "method-not-allowed",
            Self::MediaType(_) => "media-type",
            Self::Busy(_) => "too-many-uploads",
            Self::Internal(_) => "internal",
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Internal(cause) = &self {
            tracing::error!(cause = %chain(&**cause), "a request failed");
        }
        let mut body = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "reason": self.reason(),
            "detail": self.to_string(),
        });
        if let Self::Unprocessable { rejects, .. } = &self {
            body["rejects"] = json!(rejects);
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(self, Self::Busy(_) | Self::Unavailable(..)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY.as_secs()));
        }
        response
    }
}

impl From<pgrepo::Error> for Problem {
    fn from(error: pgrepo::Error) -> Self {
        let state = error.sqlstate();
        match error.kind() {
            ErrorKind::Token => return Self::Invalid("page-token", error.to_string()),
            ErrorKind::Encode => return Self::Invalid("invalid-value", chain(&error)),
            ErrorKind::NoRow => return Self::NotFound("not-found", "there is no such row".to_owned()),
            _ => {}
        }
        let code = state.map(|state| state.as_str().to_owned()).unwrap_or_default();
        match (&*code, error.fault_class()) {
            // The values of the request, which the server cannot take as they are: data, and a limit of its own.
            (code, _) if code.starts_with("22") || code.starts_with("54") => {
                let said = error.server().map(|server| server.message().to_owned());
                Self::Invalid("invalid-value", said.unwrap_or_else(|| error.to_string()))
            }
            ("42P01", _) => {
                let detail = "a table is not there: the migrations have not been run";
                Self::Unavailable("not-migrated", detail.to_owned())
            }
            // Cancelled by a limit of the server's.
            ("57014", _) => Self::Unavailable("database", "the database took too long".to_owned()),
            (code, _) if code.starts_with("40") || code == "55P03" => {
                let detail = "the transaction met another one and was rolled back; nothing of it is stored: try again";
                Self::Conflict("conflict", detail.to_owned())
            }
            (_, FaultClass::Fatal) if !error.is_timeout() => Self::Internal(Box::new(error)),
            _ => {
                tracing::warn!(cause = %chain(&error), "the database did not serve a request");
                Self::Unavailable("database", "the database does not answer in time".to_owned())
            }
        }
    }
}

/// An error and what is behind it, in one line.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
