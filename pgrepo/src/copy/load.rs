//! A COPY into a table as a coroutine: the future that holds the connection is polled by whoever hands bytes over.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::{self, Copied, Direction, Operation};
use crate::pool::{Db, Handle, Lease, Session, Watch, driver};
use crate::tx::{TxId, Unanswered, resolve};

use super::bounds::Bounds;
use super::catalog::Looked;
use super::failed::{Failed, broken};
use super::feed::{Feed, Unfed};
use super::kind::At;
use super::plan::{Plan, Prepared, Started};
use super::progress::Following;

/// Bytes are handed over to the driver when so many have gathered.
pub(crate) const CHUNK: usize = 32 * 1024;

/// What a load stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyReport {
    /// The rows that the server counted.
    pub rows: u64,
    /// The rows that were sent and not stored: the [filter](crate::CopyInOptions::filter) did not hold for them, or a
    /// trigger left them out, which [`allow_skipped`](crate::CopyInOptions::allow_skipped) accepts.
    pub skipped: u64,
    /// The bytes of COPY data that were sent.
    pub bytes: u64,
}

enum Command {
    Data(Vec<u8>),
    Finish { rows: u64, allow_skipped: bool },
    Abort,
}

enum Event {
    /// The server waits for data.
    Started(Started),
    /// The bytes were handed over; the buffer comes back empty.
    Sent(Vec<u8>),
}

/// A COPY under way.
pub(crate) struct Load<'s> {
    work: Pin<Box<dyn Future<Output = Result<CopyReport>> + Send + 's>>,
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
    over: bool,
    /// In a box: a load is moved with each piece.
    told: Box<Operation>,
}

impl<'s> Load<'s> {
    /// Takes a connection, checks the table and begins the COPY. It is told of as `told`.
    pub(crate) async fn start<H: Handle + 's>(on: H, plan: Plan<'s>, told: Operation) -> Result<(Self, Started)> {
        let (commands, receive) = mpsc::channel(1);
        let (send, events) = mpsc::channel(1);
        let work = Box::pin(work(on, plan, receive, send));
        let mut load = Self { work, commands, events, over: false, told: Box::new(told) };
        match load.event().await? {
            Event::Started(started) => Ok((load, started)),
            Event::Sent(_) => Err(out_of_step()),
        }
    }

    /// Hands bytes over, and takes the empty buffer back.
    pub(crate) async fn send(&mut self, data: Vec<u8>) -> Result<Vec<u8>> {
        self.command(Command::Data(data))?;
        match self.event().await? {
            Event::Sent(buffer) => Ok(buffer),
            Event::Started(_) => Err(out_of_step()),
        }
    }

    /// Ends the COPY and commits it if it is a transaction of its own.
    pub(crate) async fn finish(mut self, rows: u64, allow_skipped: bool) -> Result<CopyReport> {
        self.command(Command::Finish { rows, allow_skipped })?;
        self.outcome().await
    }

    /// Ends the COPY without storing anything: what is told of it is that it was cancelled.
    pub(crate) async fn abort(mut self) -> Result<()> {
        self.command(Command::Abort)?;
        self.work.await.map(drop)
    }

    /// [`abort`](Self::abort), since a row cannot be sent, or whatever else this error says.
    pub(crate) async fn abort_by(mut self, error: &Error) -> Result<()> {
        self.told.end(Some(error));
        self.abort().await
    }

    /// [`abort`](Self::abort), since there are no more rows, by an error that is not pgrepo's.
    pub(crate) async fn abort_otherwise(mut self) -> Result<()> {
        self.told.fail_otherwise();
        self.abort().await
    }

    async fn outcome(self) -> Result<CopyReport> {
        let Self { mut work, mut told, .. } = self;
        let outcome = std::future::poll_fn(|cx| {
            let _within = told.enter();
            work.as_mut().poll(cx)
        });
        let outcome = outcome.await;
        told.end(outcome.as_ref().err());
        outcome
    }

    fn command(&mut self, command: Command) -> Result<()> {
        if self.over {
            return Err(Error::new(ErrorKind::Copy, "the load has already failed and stored nothing"));
        }
        self.commands.try_send(command).map_err(|_| out_of_step())
    }

    /// Works until the next event; that the work ends instead is its failure.
    async fn event(&mut self) -> Result<Event> {
        let Self { work, events, told, .. } = self;
        let outcome = std::future::poll_fn(|cx| {
            let _within = told.enter();
            if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
                return Poll::Ready(Err(outcome));
            }
            match events.poll_recv(cx) {
                Poll::Ready(Some(event)) => Poll::Ready(Ok(event)),
                _ => Poll::Pending,
            }
        });
        let outcome = match outcome.await {
            Ok(event) => return Ok(event),
            Err(outcome) => outcome,
        };
        self.over = true;
        let error = match outcome {
            Ok(_) => out_of_step(),
            Err(error) => error,
        };
        self.told.end(Some(&error));
        Err(error)
    }
}

#[cold]
fn out_of_step() -> Error {
    Error::new(ErrorKind::Copy, "an earlier call on this load was dropped before it ended: the load stores nothing")
}

/// The whole of a load on its connection.
async fn work<H: Handle>(
    on: H,
    mut plan: Plan<'_>,
    mut commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) -> Result<CopyReport> {
    let (operation, shown, table) = (plan.operation, plan.target.shown.clone(), plan.table);
    let about = Arc::clone(on.about());
    let on_table = |e: Error| e.during(operation).on_table(&shown);
    let mut following: Following = std::mem::take(&mut plan.how.following);
    let lender = on.lend();
    let db = lender.db();
    let mut lease = lender.lease().await.map_err(on_table)?;
    following.ask(lease.session(), true);
    let mut bounds = Bounds::of_write(&lease);
    match load(&mut lease, &mut bounds, plan, &mut commands, &events).await {
        Ok(Some(loaded)) => {
            end(&bounds, &mut lease, db, loaded.number).await.map_err(on_table)?;
            following.stored(&loaded.report);
            let CopyReport { rows, bytes, .. } = loaded.report;
            observe::copied(&about, &Copied { operation, table, direction: Direction::In, rows, bytes });
            Ok(loaded.report)
        }
        Ok(None) => {
            bounds.run(&mut lease, bounds.undo).await.map_err(|e| on_table(e.undone()))?;
            Ok(CopyReport::default())
        }
        Err(Failed { error, at_rest: true }) => {
            // What cannot be undone is undone by the server, when the connection closes with the lease.
            let _undone = bounds.run(&mut lease, bounds.undo).await;
            Err(on_table(error.undone()))
        }
        Err(Failed { error, at_rest: false }) => Err(on_table(broken(error))),
    }
}

/// What the server counted, and the number of the transaction, if it is the load's own.
struct Loaded {
    report: CopyReport,
    number: Option<TxId>,
}

/// Loads the rows; `None` where it was asked to store nothing.
async fn load(
    lease: &mut Lease<'_>,
    bounds: &mut Bounds,
    plan: Plan<'_>,
    commands: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
) -> Result<Option<Loaded>, Failed> {
    lease.set_own_transaction(true);
    let mut step = lease.step().map_err(|error| Failed { error, at_rest: false })?.untimed();

    let Prepared { looked, sql } = match plan.prepare(step.session(), bounds).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => return Err(Failed::ours(error).told(step)),
        Err((at, error)) => return Err(Failed::by(step, error, at, &plan.how, &plan.target.name)),
    };

    let Looked { checked: types, number, backend, said } = looked;
    bounds.say_again(&said);
    let started = Started { types, number };
    // In a box: a job is seldom there, and would be a part of every load's future.
    if let Some(job) = &plan.job
        && let Err(failed) = Box::pin(job.open(step.session())).await
    {
        return Err(failed.told(step));
    }
    // Without the values of a filter, which stand in what is sent.
    observe::text(&step.session().about, &plan.sql);
    let watch = Watch::begin(&*step.session(), plan.operation, || plan.sql.as_str().into());
    let ended = exchange(step.session(), &sql, backend, started, commands, events).await;
    drop(watch);
    let report = match ended {
        Ok(Ended::Stored(report)) => report,
        Ok(Ended::Asked(Err(error))) if !driver::at_rest(&error) => {
            return Err(Failed { error: step.failed(error), at_rest: false });
        }
        Ok(Ended::Asked(ended)) => {
            // Nothing is stored, as was asked for; what the server refused of it is the pool's business.
            let _told = step.settle(ended);
            return Ok(None);
        }
        Err(Unfed::Driver(error)) => return Err(Failed::by(step, error, At::Copy, &plan.how, plan.copied())),
        Err(Unfed::Seen(failed)) => return Err(failed.told(step)),
    };
    if let Some(job) = plan.job
        && let Err(failed) = Box::pin(job.run(step.session(), report.rows, bounds.own)).await
    {
        return Err(failed.told(step));
    }
    step.done();
    Ok(Some(Loaded { report, number }))
}

/// How a COPY ended that did not fail.
enum Ended {
    Stored(CopyReport),
    /// It is to store nothing, as was asked for, and this is what the server said of its end.
    Asked(Result<u64, sqlx::Error>),
}

/// The COPY itself: begun, fed and ended.
async fn exchange(
    session: &mut Session,
    sql: &str,
    backend: i32,
    started: Started,
    commands: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
) -> Result<Ended, Unfed> {
    let mut feed = Feed::open(session, sql, backend).await?;
    let mut bytes = 0;
    let mut tell = events.send(Event::Started(started)).await;
    while tell.is_ok() {
        match commands.recv().await {
            Some(Command::Data(mut data)) => {
                bytes += data.len() as u64;
                feed = feed.send(&mut data).await?;
                tell = events.send(Event::Sent(data)).await;
            }
            Some(Command::Finish { rows, allow_skipped }) => {
                let count = feed.end().await?;
                if count == rows || allow_skipped {
                    let skipped = rows.saturating_sub(count);
                    return Ok(Ended::Stored(CopyReport { rows: count, skipped, bytes }));
                }
                let message = format!(
                    "the server stored {count} of {rows} rows, so the load was undone: a trigger left rows out; \
                     CopyInOptions::allow_skipped accepts that"
                );
                return Err(Unfed::Seen(Failed::ours(Error::new(ErrorKind::Copy, message))));
            }
            Some(Command::Abort) | None => break,
        }
    }
    Ok(Ended::Asked(feed.end().await))
}

/// Why a load was not closed.
enum Unclosed {
    /// Nothing of it is stored.
    Refused(Error),
    /// The connection broke before the server answered.
    Unanswered(Error),
}

/// Closes a load, and finds out what became of it where its COMMIT is not answered; the lease is over then.
pub(super) async fn end(bounds: &Bounds, lease: &mut Lease<'_>, db: Option<&Db>, number: Option<TxId>) -> Result<()> {
    match (close(bounds, lease).await, db) {
        (Ok(()), _) => Ok(()),
        (Err(Unclosed::Refused(error)), _) => Err(error),
        (Err(Unclosed::Unanswered(cause)), Some(db)) => {
            // Its session is ended, so that the transaction does not stay in progress.
            drop(std::mem::replace(lease, Lease::Over));
            let unanswered = Unanswered::new(number, cause);
            // In a box: it is seldom needed, and a part of every load's future.
            Box::pin(resolve(db, unanswered, false)).await
        }
        (Err(Unclosed::Unanswered(cause)), None) => {
            let message = "the connection broke, and with it the transaction: nothing of it is stored";
            Err(Error::new(ErrorKind::Connection, message).caused_by(cause).undone())
        }
    }
}

/// Closes a load: commits it, or releases its savepoint.
async fn close(bounds: &Bounds, lease: &mut Lease<'_>) -> Result<(), Unclosed> {
    let mut step = lease.step().map_err(Unclosed::Refused)?;
    let Err(error) = driver::simple(step.session(), &bounds.close).await else {
        step.done();
        lease.set_own_transaction(false);
        return Ok(());
    };
    let answered = driver::at_rest(&error);
    let cause = if bounds.own { step.commit_failed(error) } else { step.failed(error) };
    if !answered {
        return Err(Unclosed::Unanswered(cause));
    }
    // A constraint that was deferred to the end: the server has rolled back, and the connection is free.
    lease.set_own_transaction(false);
    let (kind, message) = if cause.is_constraint_violation() {
        let message = "nothing of the load was stored: a constraint that is checked at its end was violated, and the \
                       server names no row then";
        (ErrorKind::Copy, message)
    } else {
        let kind = if cause.kind() == ErrorKind::Query { ErrorKind::Copy } else { cause.kind() };
        (kind, "nothing of the load was stored: its end was refused")
    };
    Err(Unclosed::Refused(Error::new(kind, message).caused_by(cause).undone()))
}
