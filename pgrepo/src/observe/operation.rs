use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use tracing::Span;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::span::Entered;

use crate::error::{Error, Result};
use crate::table::{Place, TableName};

use super::about::About;
use super::error_type;
use super::figures::Measured;

/// What an operation is on; by default, on no table that is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Subject<'a> {
    /// The table of a struct, as it stands in the program, for figures: there are only so many of them.
    pub(crate) label: Option<TableName<'static>>,
    /// The table as it is named at run time, for spans.
    pub(crate) table: Option<TableName<'a>>,
}

impl Place {
    /// The table as an operation on it is told of.
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject { label: Some(self.declared()), table: Some(self.name()) }
    }
}

impl<'a> From<TableName<'a>> for Subject<'a> {
    /// A table that is known at run time only.
    fn from(table: TableName<'a>) -> Self {
        Self { label: None, table: Some(table) }
    }
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    Success,
    Error,
    /// It was dropped, or given up, before its end.
    Cancelled,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Which way a COPY goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// What a COPY has moved.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "the figures alone say all of it"))]
pub(crate) struct Copied {
    pub(crate) operation: &'static str,
    pub(crate) table: Option<TableName<'static>>,
    pub(crate) direction: Direction,
    /// Rows that were stored, or have come.
    pub(crate) rows: u64,
    /// Bytes of COPY data.
    pub(crate) bytes: u64,
}

/// An operation of the user's, from where it begins to what came of it. Dropped before that is told it was cancelled.
///
/// Where nobody listens it is a comparison of the greatest level that somebody listens to.
#[derive(Debug)]
pub(crate) struct Operation {
    span: Span,
    measured: Measured,
    over: bool,
}

impl Operation {
    pub(crate) fn begin(about: &Arc<About>, name: &'static str, subject: Subject<'_>) -> Self {
        Self::of(about, name, subject, "client")
    }

    /// One that consists of others, which are told of by themselves.
    pub(crate) fn around(about: &Arc<About>, name: &'static str) -> Self {
        Self::of(about, name, Subject::default(), "internal")
    }

    fn of(about: &Arc<About>, name: &'static str, subject: Subject<'_>, kind: &str) -> Self {
        let span = match LevelFilter::current() >= LevelFilter::INFO {
            true => span(about, name, subject, kind),
            // Rather than one that is disabled, which a logger of the crate `log` would be told of.
            false => Span::none(),
        };
        Self { span, measured: Measured::begin(about, name, subject.label), over: false }
    }

    /// None: a part of another operation, which tells of it.
    pub(crate) fn none() -> Self {
        Self { span: Span::none(), measured: Measured::none(), over: true }
    }

    /// Runs it to its end; the future is polled within its span.
    ///
    /// It is pinned by the caller, since it is large: each layer that took it by value would copy it once more.
    pub(crate) async fn watch<T, F: Future<Output = Result<T>>>(mut self, work: Pin<&mut F>) -> Result<T> {
        let outcome = self.within(work).await;
        self.end(outcome.as_ref().err());
        outcome
    }

    /// [`watch`](Self::watch) of what ends with an error of the user's own.
    pub(crate) async fn watch_any<T, E, F>(mut self, work: Pin<&mut F>) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let outcome = self.within(work).await;
        match &outcome {
            Ok(_) => self.end(None),
            Err(_) => self.fail_otherwise(),
        }
        outcome
    }

    /// Runs its beginning, and goes on where that succeeds, as a stream does.
    pub(crate) async fn opened<T, F: Future<Output = Result<T>>>(mut self, work: Pin<&mut F>) -> Result<(T, Self)> {
        let outcome = self.within(work).await;
        match outcome {
            Ok(value) => Ok((value, self)),
            Err(error) => {
                self.end(Some(&error));
                Err(error)
            }
        }
    }

    fn within<F: Future>(&self, mut work: Pin<&mut F>) -> impl Future<Output = F::Output> {
        poll_fn(move |cx| {
            let _within = self.enter();
            work.as_mut().poll(cx)
        })
    }

    /// Enters its span, while something of it is polled.
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        (!self.span.is_disabled()).then(|| self.span.enter())
    }

    /// It has copied this, which is counted too.
    pub(crate) fn copied(&self, copied: &Copied) {
        self.measured.copied(copied);
        if !self.span.is_disabled() {
            copied_on(&self.span, copied);
        }
    }

    /// It has ended, by this error if there is one. What is said later is not heard.
    pub(crate) fn end(&mut self, error: Option<&Error>) {
        match error {
            None => self.settle(Status::Success, None),
            Some(error) => self.settle(Status::Error, Some(error)),
        }
    }

    /// It has failed by an error that is not pgrepo's.
    pub(crate) fn fail_otherwise(&mut self) {
        self.settle(Status::Error, None);
    }

    fn settle(&mut self, status: Status, error: Option<&Error>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.measured.end(status, error);
        if !self.span.is_disabled() {
            record(&self.span, status, error);
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if !self.over {
            self.settle(Status::Cancelled, None);
        }
    }
}

/// The span by OpenTelemetry's conventions (<https://opentelemetry.io/docs/specs/semconv/db/postgresql/>). Fields that
/// are known at its end stand in it empty.
#[cold]
fn span(about: &About, name: &'static str, subject: Subject<'_>, kind: &str) -> Span {
    let table = subject.table.map(|table| table.to_string());
    let target = table.as_deref().unwrap_or(&about.namespace);
    tracing::info_span!(
        target: "pgrepo::operation",
        "operation",
        otel.name = format_args!("{name} {target}"),
        otel.kind = kind,
        otel.status_code = Empty,
        db.system.name = "postgresql",
        db.namespace = about.namespace,
        db.operation.name = name,
        db.collection.name = table,
        db.query.text = Empty,
        db.response.status_code = Empty,
        db.response.returned_rows = Empty,
        server.address = about.address,
        server.port = about.port,
        "error.type" = Empty,
        pgrepo.status = Empty,
        pgrepo.attempts = Empty,
        pgrepo.rows = Empty,
        pgrepo.bytes = Empty,
    )
}

#[cold]
fn record(span: &Span, status: Status, error: Option<&Error>) {
    span.record("pgrepo.status", status.as_str());
    if status != Status::Error {
        return;
    }
    span.record("otel.status_code", "ERROR");
    // As OpenTelemetry calls what has no name.
    span.record("error.type", error.map_or("_OTHER".into(), error_type).as_ref());
    if let Some(error) = error {
        if let Some(state) = error.sqlstate() {
            span.record("db.response.status_code", state.as_str());
        }
        attempts_on(span, error.attempts());
    }
}

fn attempts_on(span: &Span, made: u32) {
    if made > 1 {
        span.record("pgrepo.attempts", made);
    }
}

/// Whether somebody listens to spans.
fn heard() -> bool {
    LevelFilter::current() >= LevelFilter::INFO
}

// What is found out in the midst of an operation goes to the span that is entered, which is the operation's: the fields
// have no other span, so that nothing is told of one that does not exist.

/// The operation returned so many rows, or changed so many.
pub(crate) fn rows(returned: u64, affected: u64) {
    if heard() {
        let span = Span::current();
        span.record("db.response.returned_rows", returned);
        span.record("pgrepo.rows", affected);
    }
}

/// It copied this, which is counted too.
pub(crate) fn copied(about: &About, copied: &Copied) {
    about.figures.copied(copied);
    if heard() {
        copied_on(&Span::current(), copied);
    }
}

fn copied_on(span: &Span, copied: &Copied) {
    span.record("pgrepo.rows", copied.rows);
    span.record("pgrepo.bytes", copied.bytes);
}

/// It is tried for the n-th time.
pub(crate) fn attempts(made: u32) {
    if heard() {
        attempts_on(&Span::current(), made);
    }
}

/// It runs this statement, whose text is told on request only.
pub(crate) fn text(about: &About, sql: &str) {
    if about.shows_sql && heard() {
        Span::current().record("db.query.text", sql);
    }
}
