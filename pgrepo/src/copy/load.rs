//! A COPY into a table as a coroutine: the future that holds the connection is polled by whoever hands bytes over.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;
use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Db, Handle, Lease, Session, Watch, driver};
use crate::tx::{TxId, Unanswered, resolve};

use super::bounds::Bounds;
use super::catalog::Looked;
use super::failed::{Failed, broken};
use super::kind::At;
use super::lookout::Lookout;
use super::merge;
use super::plan::{Plan, Prepared, Started};
use super::progress::Following;

/// Bytes are handed over to the driver when so many have gathered.
pub(crate) const CHUNK: usize = 32 * 1024;

/// The most that the driver is given at a time: it keeps a buffer of the size of the largest piece.
pub(super) const PIECE: usize = 64 * 1024;

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
}

impl<'s> Load<'s> {
    /// Takes a connection, checks the table and begins the COPY.
    pub(crate) async fn start<H: Handle + 's>(on: H, plan: Plan<'s>) -> Result<(Self, Started)> {
        let (commands, receive) = mpsc::channel(1);
        let (send, events) = mpsc::channel(1);
        let work = Box::pin(work(on, plan, receive, send));
        let mut load = Self { work, commands, events, over: false };
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
        self.work.await
    }

    /// Ends the COPY without storing anything.
    pub(crate) async fn abort(mut self) -> Result<()> {
        self.command(Command::Abort)?;
        self.work.await.map(drop)
    }

    fn command(&mut self, command: Command) -> Result<()> {
        if self.over {
            return Err(Error::new(ErrorKind::Copy, "the load has already failed and stored nothing"));
        }
        self.commands.try_send(command).map_err(|_| out_of_step())
    }

    /// Works until the next event; that the work ends instead is its failure.
    async fn event(&mut self) -> Result<Event> {
        let Self { work, events, .. } = self;
        let outcome = std::future::poll_fn(|cx| {
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
        match outcome {
            Ok(_) => Err(out_of_step()),
            Err(error) => Err(error),
        }
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
    let (operation, shown) = (plan.operation, plan.target.shown.clone());
    let on_table = |e: Error| e.during(operation).on_table(&shown);
    let mut following: Following = std::mem::take(&mut plan.how.following);
    let lender = on.lend();
    let db = lender.db();
    let mut lease = lender.lease().await.map_err(on_table)?;
    following.ask(lease.session(), true);
    let mut bounds = Bounds::of_write(&lease);
    match load(&mut lease, &mut bounds, plan, &mut commands, &events).await {
        Ok(loaded) => {
            end(&bounds, &mut lease, db, loaded.number).await.map_err(on_table)?;
            following.stored(&loaded.report);
            Ok(loaded.report)
        }
        Err(failed) => {
            // What cannot be undone is undone by the server, when the connection closes with the lease.
            if failed.at_rest {
                let undone = bounds.run(&mut lease, bounds.undo).await;
                failed.error.map_or(undone, Err).map_err(|e| on_table(e.undone()))?;
            } else if let Some(error) = failed.error {
                return Err(on_table(broken(error)));
            }
            Ok(CopyReport { rows: 0, skipped: 0, bytes: 0 })
        }
    }
}

/// What the server counted, and the number of the transaction, if it is the load's own.
struct Loaded {
    report: CopyReport,
    number: Option<TxId>,
}

async fn load(
    lease: &mut Lease<'_>,
    bounds: &mut Bounds,
    plan: Plan<'_>,
    commands: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
) -> Result<Loaded, Failed> {
    lease.set_own_transaction(true);
    let mut step = lease.step().map_err(|e| Failed { error: Some(e), at_rest: false })?.untimed();

    let Prepared { looked, sql } = match plan.prepare(step.session(), bounds).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => {
            step.done();
            return Err(Failed::ours(error));
        }
        Err((at, error)) => return Err(Failed::by(step, error, at, &plan.how, &plan.target.name)),
    };

    let Looked { checked: types, number, backend, said } = looked;
    bounds.say_again(&said);
    let started = Started { types, number };
    let Plan { operation, target, how, job, .. } = plan;
    let mut copied = &*target.name;
    if let Some(job) = &job {
        copied = merge::STAGE;
        // In a box: it is seldom needed, and a part of every load's future.
        if let Err(failed) = Box::pin(job.open(step.session())).await {
            return Err(failed.told(step));
        }
    }
    let lookout = Lookout::new(step.session(), backend);
    let watch = Watch::begin(step.session().slow_statement, operation, || sql.as_str().into());
    let ended = exchange(step.session(), &sql, started, lookout, commands, events).await;
    drop(watch);
    let report = match ended {
        Ok(report) => report,
        Err(Stopped::Driver(error)) => return Err(Failed::by(step, error, At::Copy, &how, copied)),
        Err(Stopped::Miscounted(error)) => {
            step.done();
            return Err(Failed::ours(error));
        }
        Err(Stopped::Unread) => {
            let message = "the server reads no more rows before its messages are read, which are not before the last row is \
                           sent, so nothing is stored: a trigger says too much by RAISE INFO, which cannot be silenced";
            let failed = Failed { error: Some(Error::new(ErrorKind::Copy, message)), at_rest: false };
            return Err(failed.told(step));
        }
        Err(Stopped::Asked(ended)) => {
            let at_rest = ended.as_ref().err().is_none_or(driver::at_rest);
            // Nothing is stored, as was asked for; what the server refused of it is the pool's business.
            let error = step.settle(ended).err().filter(|_| !at_rest);
            return Err(Failed { error, at_rest });
        }
    };
    if let Some(job) = job
        && let Err(failed) = Box::pin(job.run(step.session(), report.rows, bounds.own)).await
    {
        return Err(failed.told(step));
    }
    step.done();
    Ok(Loaded { report, number })
}

/// Why a COPY stores nothing.
enum Stopped {
    Driver(sqlx::Error),
    /// The server has stored other rows than were sent: it did not refuse them.
    Miscounted(Error),
    /// The server reads no more before it is read from, which only its end would do.
    Unread,
    /// It was asked for, and this is how the COPY ended.
    Asked(Result<u64, sqlx::Error>),
}

/// The COPY itself: begun, fed and ended.
async fn exchange(
    session: &mut Session,
    sql: &str,
    started: Started,
    mut lookout: Lookout,
    commands: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
) -> Result<CopyReport, Stopped> {
    let limit = session.answer_limit;
    let mut copy = driver::answered(limit, session.conn.copy_in_raw(sql)).await.map_err(Stopped::Driver)?;
    match transfer(&mut copy, limit, started, &mut lookout, commands, events).await.map_err(Stopped::Driver)? {
        Moved::Finish { bytes, rows, allow_skipped } => {
            let count = driver::answered(limit, copy.finish()).await.map_err(Stopped::Driver)?;
            if count == rows || allow_skipped {
                return Ok(CopyReport { rows: count, skipped: rows.saturating_sub(count), bytes });
            }
            let message = format!(
                "the server stored {count} of {rows} rows, so the load was undone: a trigger left rows out; \
                 CopyInOptions::allow_skipped accepts that"
            );
            Err(Stopped::Miscounted(Error::new(ErrorKind::Copy, message)))
        }
        Moved::Failed => {
            // The server's error waits to be read; the driver reads it when it has sent the end.
            driver::answered(limit, copy.finish()).await.map_err(Stopped::Driver)?;
            let message = "the load was seen to have failed, and its end does not say why; nothing of it is stored";
            Err(Stopped::Miscounted(Error::new(ErrorKind::Copy, message)))
        }
        Moved::Unread => Err(Stopped::Unread),
        Moved::Abort => {
            // Ended and then undone, rather than aborted: after the server has refused a row already, the driver's abort
            // leaves its stream out of step, and its end does not. What the server says of the end is undone either way.
            Err(Stopped::Asked(driver::answered(limit, copy.finish()).await))
        }
    }
}

enum Moved {
    Finish {
        bytes: u64,
        rows: u64,
        allow_skipped: bool,
    },
    Abort,
    /// The server has failed the load already, and throws away what is sent.
    Failed,
    /// The server waits for what it says to be read.
    Unread,
}

/// Hands the data over, chunk by chunk.
async fn transfer(
    copy: &mut PgCopyIn<&mut PgConnection>,
    limit: Option<Duration>,
    started: Started,
    lookout: &mut Lookout,
    commands: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
) -> Result<Moved, sqlx::Error> {
    let mut bytes = 0;
    let mut tell = events.send(Event::Started(started)).await;
    while tell.is_ok() {
        match commands.recv().await {
            Some(Command::Data(mut data)) => {
                for piece in data.chunks(PIECE) {
                    match lookout.sends(driver::answered(limit, copy.send(piece))).await {
                        Some(sent) => sent?,
                        None => return Ok(Moved::Unread),
                    };
                    if lookout.has_failed(piece.len()).await {
                        return Ok(Moved::Failed);
                    }
                }
                bytes += data.len() as u64;
                data.clear();
                data.shrink_to(PIECE);
                tell = events.send(Event::Sent(data)).await;
            }
            Some(Command::Finish { rows, allow_skipped }) => return Ok(Moved::Finish { bytes, rows, allow_skipped }),
            Some(Command::Abort) | None => return Ok(Moved::Abort),
        }
    }
    Ok(Moved::Abort)
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
