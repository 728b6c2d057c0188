//! An upload: the rows of a body into the table, and what became of it beside them, in one transaction.

use std::error::Error as StdError;
use std::sync::Arc;

use axum::body::BodyDataStream;
use futures_util::{Stream, stream};
use pgrepo::csv::{CsvOptions, CsvRows};
use pgrepo::ndjson::{NdjsonOptions, NdjsonRows};
use pgrepo::{ErrorKind, FaultClass, Json, Rejected, SourceError, Tx, WithDeadline};
use tokio::time::Instant;
use uuid::Uuid;

use crate::airport::{Airport, Line, NewAirport, Reject, Upload};
use crate::app::App;
use crate::body::{Refusal, Refused, UploadBody};
use crate::problem::{Problem, chain};
use crate::rejects::{Rejects, cut, tell};
use crate::stage::{Stage, reached};

/// What an upload is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Ndjson,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
}

/// What is stored of an upload, and whether it was before.
#[derive(Debug)]
pub(crate) enum Stored {
    Now(Upload),
    Before(Upload),
}

/// The rows of a batch: what an upload keeps in memory, and the most bad ones that are told apart beyond the limit.
const BATCH: usize = 1_000;

/// Stores an upload, or says why not; then nothing of it is stored.
pub(crate) async fn store(
    app: &App,
    id: Uuid,
    format: Format,
    max_rejects: u64,
    body: BodyDataStream,
) -> Result<Stored, Problem> {
    let began = Instant::now();
    let stopping = reached(&app.stage, Stage::Aborting);
    let limit = app.settings.upload_limit;
    let body = UploadBody::new(body, began, &app.settings, stopping);
    let refused = body.refused();
    let work = async {
        let mut tx = app.db.begin().await?;
        match within(app, &mut tx, id, format, max_rejects, body, &refused).await {
            Ok(Stored::Now(upload)) => Ok((tx, upload)),
            Ok(Stored::Before(upload)) => Err(Ended::Before(upload)),
            Err(problem) => {
                // Should this fail, the connection is closed, which rolls back as well.
                let _closed = tx.rollback().await;
                Err(Ended::Problem(problem))
            }
        }
    };
    // A load that waits for a lock does not ask its source, so its limit is here; what is dropped is rolled back.
    let aborted = reached(&app.stage, Stage::Aborting);
    let ended = tokio::select! {
        ended = work.with_deadline(limit) => ended,
        () = aborted => return Err(Problem::from(&Refusal::Stopping)),
    };
    let (mut tx, upload) = match ended {
        Ok(ended) => ended,
        Err(Ended::Before(upload)) => return Ok(Stored::Before(upload)),
        Err(Ended::Problem(problem)) => return Err(problem),
    };
    // Asked for before COMMIT, it is what a COMMIT whose answer is lost is found out about by.
    tx.id().await?;
    match tx.commit().await {
        Ok(()) => Ok(Stored::Now(upload)),
        Err(error) if error.fault_class() == FaultClass::Indeterminate => {
            tracing::warn!(%id, cause = %chain(&error), "whether an upload is stored is not known");
            let detail =
                format!("whether the upload is stored is not known yet: ask GET /uploads/{id}, or send it again");
            Err(Problem::Unavailable("outcome-unknown", detail))
        }
        Err(error) => Err(error.into()),
    }
}

/// Why the work on an upload ended without a row to commit.
enum Ended {
    Before(Upload),
    Problem(Problem),
}

impl From<pgrepo::Error> for Ended {
    fn from(error: pgrepo::Error) -> Self {
        Self::Problem(match error.kind() {
            ErrorKind::Timeout if error.operation().is_none() => {
                let detail = format!("the upload took too long, and nothing of it is stored: {error}");
                Problem::Late("upload-too-slow", detail)
            }
            _ => error.into(),
        })
    }
}

/// All of an upload but its COMMIT.
async fn within(
    app: &App,
    tx: &mut Tx,
    id: Uuid,
    format: Format,
    max_rejects: u64,
    body: UploadBody,
    refused: &Refused,
) -> Result<Stored, Problem> {
    if !tx.try_advisory_lock(key(id)).await? {
        return Err(under_way(id));
    }
    if let Some(upload) = tx.repository::<Upload>().get(id).await? {
        return Ok(Stored::Before(upload));
    }
    let rejects = Rejects::new(max_rejects, app.settings.told_rejects);
    let rows = rows(format, body, id, app.settings.max_line, Arc::clone(&rejects));
    // The limit is kept here, where the bad lines are that are told of.
    let load = tx.repository::<Airport>().load_try_stream(rows).max_rejects(u64::MAX).batch_rows(BATCH);
    let sink = |reject: Rejected<NewAirport>| match &reject.row {
        Some(row) => rejects.add(Reject { line: Some(row.line()), ..tell(&reject) }),
        None => Ok(()), // it was counted on its way in
    };
    let report = match load.to_sink(sink).await {
        Ok(report) => report,
        Err(error) => return Err(failed(error, refused, &rejects)),
    };
    let told = rejects.told();
    if report.rows == 0 {
        let (reason, detail) = match report.rejected {
            0 => ("no-rows", "the upload holds no line".to_owned()),
            bad => ("no-good-rows", format!("none of the upload's lines can be stored: {bad} are bad")),
        };
        return Err(Problem::Unprocessable { reason, detail, rejects: told });
    }
    let count = |number: u64| i64::try_from(number).map_err(|error| Problem::Internal(error.into()));
    let (rows, rejected) = (count(report.rows)?, count(report.rejected)?);
    let upload = Upload { id, format: format.name().to_owned(), rows, rejected, rejects: Json(told) };
    Ok(Stored::Now(tx.repository::<Upload>().insert(&upload).await?))
}

/// The number that an upload is locked by while it is under way. Two ids may share one: then one waits to be sent again.
fn key(id: Uuid) -> i64 {
    let (high, low) = id.as_u64_pair();
    (high ^ low).cast_signed()
}

pub(crate) fn under_way(id: Uuid) -> Problem {
    Problem::Conflict("upload-under-way", format!("the upload {id} is under way over another connection"))
}

/// Looks whether somebody holds the upload's lock, and then whether it is stored: in this order an upload that ends
/// between both is seen by the second.
pub(crate) async fn find(app: &App, id: Uuid) -> pgrepo::Result<(bool, Option<Upload>)> {
    const LOCKED: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
        AND (classid::int8 << 32 | objid::int8) = $1)";
    let locked: bool = app.db.query(LOCKED).bind(key(id)).fetch_val().await?;
    Ok((locked, app.db.repository::<Upload>().get(id).await?))
}

type Rows = std::pin::Pin<Box<dyn Stream<Item = Result<NewAirport, SourceError>> + Send>>;

/// The rows of a body, each with its line. One that is bad is counted here, and told in few words whatever it holds.
fn rows(format: Format, body: UploadBody, id: Uuid, max_line: usize, rejects: Arc<Rejects>) -> Rows {
    match format {
        Format::Csv => {
            let rows = CsvOptions::default().ignore_unknown().max_record(max_line).read::<Line, _>(body);
            let state = (rows, rejects);
            Box::pin(stream::unfold(state, move |(mut rows, rejects)| async move {
                let row = rows.next().await.transpose()?;
                let row = row.and_then(|row| Ok(row.into_row(id, CsvRows::line(&rows))?));
                Some((row.map_err(|error| rejects.unmade(error)), (rows, rejects)))
            }))
        }
        Format::Ndjson => {
            let rows = NdjsonOptions::default().max_line(max_line).read::<Line, _>(body);
            let state = (rows, rejects);
            Box::pin(stream::unfold(state, move |(mut rows, rejects)| async move {
                let row = rows.next().await.transpose()?;
                let row = row.and_then(|row| Ok(row.into_row(id, NdjsonRows::line(&rows))?));
                Some((row.map_err(|error| rejects.unmade(error)), (rows, rejects)))
            }))
        }
    }
}

/// Why a load failed: by its body, by what that holds, or by the database.
fn failed(error: pgrepo::Error, refused: &Refused, rejects: &Rejects) -> Problem {
    if let Some(refusal) = refused.get() {
        return refusal.into();
    }
    if rejects.are_too_many() {
        let detail = format!("more than {} lines are bad, so nothing of the upload is stored", rejects.max);
        return Problem::Unprocessable { reason: "too-many-bad-lines", detail, rejects: rejects.told() };
    }
    // The readers' own errors, which no reader failed for: a header that does not fit, a quotation mark without another.
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(one) = cause {
        match one.downcast_ref::<pgrepo::Error>() {
            Some(own) if own.operation() == Some("csv") => {
                return Problem::Unprocessable {
                    reason: "unreadable",
                    detail: cut(&chain(own)),
                    rejects: rejects.told(),
                };
            }
            _ => cause = one.source(),
        }
    }
    error.into()
}
