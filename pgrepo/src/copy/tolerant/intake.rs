use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::copy::load::CHUNK;
use crate::error::{Error, ErrorKind, Result};
use crate::table::WriteRow;

use super::budget::Budget;
use super::columns::Columns;
use super::reject::Rejected;
use super::source::{Cut, SourceError};

/// Rows that are sent together and kept until the server has taken them.
pub(super) struct Batch<R> {
    /// The rows that could be encoded, each with its place in the source.
    pub(super) rows: Vec<(u64, R)>,
    /// The length of these as they are sent.
    pub(super) bytes: usize,
    pub(super) rejects: Vec<Rejected<R>>,
    /// How many were rejected before.
    pub(super) before: u64,
    most: Most,
    budget: Budget,
}

/// How much a batch holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl<R> Batch<R> {
    pub(super) fn new(most: Most, budget: Budget) -> Self {
        Self { rows: Vec::new(), bytes: 0, rejects: Vec::new(), before: 0, most, budget }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.rejects.is_empty()
    }

    /// Takes a reject; one too many is an error.
    #[cold]
    fn reject(&mut self, reject: Rejected<R>) -> Result<()> {
        self.rejects.push(reject);
        let Self { rejects, before, budget, .. } = self;
        budget.count(*before + rejects.len() as u64, || rejects.pop())
    }

    /// Whether it holds so many rejects that they are handed over.
    pub(super) fn is_full_of_rejects(&self) -> bool {
        self.rejects.len() >= self.most.rows
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.rows.len() >= self.most.rows || self.bytes >= self.most.bytes || self.is_full_of_rejects()
    }
}

/// Why no more rows are taken for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// There is enough to be sent.
    Chunk,
    /// The batch holds as much as it may.
    Full,
    /// There are no more.
    Ended,
}

/// Where the rows come from, one by one.
pub(super) struct Intake<'p, R, S> {
    stream: Pin<&'p mut S>,
    /// The method, for messages.
    operation: &'static str,
    /// The first row, which was asked for what is sent and not sent yet.
    first: Option<(u64, R)>,
    /// How many rows it has yielded, those among them that it could not make.
    pub(super) seen: u64,
    ended: bool,
    limit: Option<Limit>,
}

/// When it must have ended.
struct Limit {
    until: Until,
    sleep: Pin<Box<Sleep>>,
}

/// A limit of time without the source: what holds this across an await may be sent wherever the source may.
#[derive(Clone, Copy)]
pub(super) struct Until {
    of: Duration,
    at: Instant,
}

impl Until {
    /// Whether the time is up: an error then.
    pub(super) fn in_time(self) -> Result<()> {
        if self.at <= Instant::now() { Err(self.passed()) } else { Ok(()) }
    }

    fn passed(self) -> Error {
        let message = format!("the time limit of {:?} passed before the source had ended", self.of);
        Error::new(ErrorKind::Timeout, message).undone()
    }
}

impl<'p, R: WriteRow, S: Stream<Item = Result<R, SourceError>>> Intake<'p, R, S> {
    pub(super) fn new(stream: Pin<&'p mut S>, operation: &'static str, limit: Option<Duration>) -> Self {
        let until = limit.and_then(|of| Some((of, Instant::now().checked_add(of)?)));
        let limit = until.map(|(of, at)| Limit { until: Until { of, at }, sleep: Box::pin(sleep_until(at)) });
        Self { stream, operation, first: None, seen: 0, ended: false, limit }
    }

    /// The limit of time, as long as the source has not ended.
    pub(super) fn until(&self) -> Option<Until> {
        self.limit.as_ref().filter(|_| !self.ended).map(|limit| limit.until)
    }

    /// Waits for the first row, and keeps it for [`fill`](Self::fill); rows that cannot be made are the batch's rejects. Says
    /// whether it has stopped before, as the batch is full of them.
    pub(super) async fn first(&mut self, batch: &mut Batch<R>) -> Result<bool> {
        while self.first.is_none() {
            if batch.is_full_of_rejects() {
                return Ok(true);
            }
            match self.next(|intake, cx| intake.stream.as_mut().poll_next(cx).map(Ok)).await? {
                Some(Ok(row)) => self.first = Some((self.seen, row)),
                Some(Err(cut)) => batch.reject(self.unmade(cut)?)?,
                None => {
                    self.ended = true;
                    return Ok(false);
                }
            }
            self.seen += 1;
        }
        Ok(false)
    }

    /// The first row, while it is kept.
    pub(super) fn kept(&self) -> Option<&R> {
        self.first.as_ref().map(|(_, row)| row)
    }

    /// Takes rows, and encodes those that can be.
    pub(super) async fn fill(&mut self, batch: &mut Batch<R>, columns: &Columns, out: &mut Vec<u8>) -> Result<Filled> {
        self.next(|intake, cx| intake.poll_fill(cx, batch, columns, out)).await
    }

    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Batch<R>,
        columns: &Columns,
        out: &mut Vec<u8>,
    ) -> Poll<Result<Filled>> {
        if let Some((index, row)) = self.first.take() {
            take(batch, columns, out, index, row)?;
        }
        if self.ended {
            return Poll::Ready(Ok(Filled::Ended));
        }
        loop {
            if batch.is_full() {
                return Poll::Ready(Ok(Filled::Full));
            }
            if out.len() >= CHUNK {
                return Poll::Ready(Ok(Filled::Chunk));
            }
            match ready!(self.stream.as_mut().poll_next(cx)) {
                Some(Ok(row)) => take(batch, columns, out, self.seen, row)?,
                Some(Err(cut)) => batch.reject(self.unmade(cut)?)?,
                None => {
                    self.ended = true;
                    return Poll::Ready(Ok(Filled::Ended));
                }
            }
            self.seen += 1;
        }
    }

    /// A row that the source could not make; or the source has failed.
    #[cold]
    fn unmade(&self, cut: SourceError) -> Result<Rejected<R>> {
        match *cut.0 {
            Cut::Row(row) => {
                let field = row.field().map(str::to_owned);
                let error = Error::new(ErrorKind::Decode, "the source could not make the row");
                let mut error = error.caused_by(row).during(self.operation).at_row(self.seen);
                if let Some(field) = field {
                    error = error.at_field(field);
                }
                Ok(Rejected::new(None, self.seen, error))
            }
            Cut::End(cause) => {
                let message = "the source failed, so the load ends";
                Err(Error::new(ErrorKind::Copy, message).at_row(self.seen).caused_by(cause))
            }
        }
    }

    /// Polls the source by `poll`, which may panic, until it has something or the time is up.
    async fn next<T>(&mut self, mut poll: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<Result<T>>) -> Result<T> {
        poll_fn(|cx| {
            if let Some(Err(late)) = self.until().map(Until::in_time) {
                return Poll::Ready(Err(late));
            }
            // What a panic leaves half done is thrown away with the load, and the source is not polled again.
            match catch_unwind(AssertUnwindSafe(|| poll(self, cx))) {
                Ok(Poll::Ready(polled)) => Poll::Ready(polled),
                Ok(Poll::Pending) => match &mut self.limit {
                    Some(limit) => limit.sleep.as_mut().poll(cx).map(|()| Err(limit.until.passed())),
                    None => Poll::Pending,
                },
                Err(panic) => Poll::Ready(Err(panicked(&*panic, self.seen))),
            }
        })
        .await
    }
}

#[inline]
fn take<R: WriteRow>(batch: &mut Batch<R>, columns: &Columns, out: &mut Vec<u8>, index: u64, row: R) -> Result<()> {
    let start = out.len();
    match columns.encode(index, &row, out) {
        Ok(()) => {
            batch.bytes += out.len() - start;
            batch.rows.push((index, row));
            Ok(())
        }
        Err(error) => batch.reject(Rejected::new(Some(row), index, error.at_row(index))),
    }
}

#[cold]
fn panicked(panic: &(dyn Any + Send), row: u64) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = match text {
        Some(text) => format!("the source panicked, so the load ends: {text}"),
        None => "the source panicked, so the load ends".to_owned(),
    };
    Error::new(ErrorKind::Copy, message).at_row(row)
}
