//! A COPY into a table as a coroutine: the future that holds the connection is polled by whoever hands bytes over.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;
use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result, SqlClass};
use crate::pool::{Handle, Lease, Session, Watch, driver};
use crate::table::Description;
use crate::tx::{TxId, Unanswered, resolve};
use crate::value::TypeInfo;

use super::bounds::Bounds;
use super::catalog::Target;
use super::failed::{Failed, broken};
use super::merge;

/// Bytes are handed over to the driver when so many have gathered.
pub(crate) const CHUNK: usize = 32 * 1024;

/// The most that the driver is given at a time: it keeps a buffer of the size of the largest piece.
const PIECE: usize = 64 * 1024;

/// What a load stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyReport {
    /// The rows that the server counted.
    pub rows: u64,
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

/// What the server said of a load before its first byte.
pub(crate) struct Started {
    /// The types of the columns that are sent.
    pub(crate) types: Vec<TypeInfo>,
    /// The number of its transaction, if that is its own.
    pub(crate) number: Option<TxId>,
}

/// What a load writes to: the columns' names, and the check that each fits.
pub(crate) struct Plan<'s> {
    /// The method, for messages.
    pub(crate) operation: &'static str,
    pub(crate) target: Target,
    /// The statement that begins the COPY.
    pub(crate) sql: String,
    /// Checks the columns against the table's, and returns the types of those that are sent.
    pub(crate) check: Box<Check>,
    /// What is done before the COPY and behind it, where its rows go through a table of their own.
    pub(crate) job: Option<Box<merge::Job<'s>>>,
}

type Check = dyn Fn(&Description) -> Result<Vec<TypeInfo>> + Send + Sync;

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
    plan: Plan<'_>,
    mut commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) -> Result<CopyReport> {
    let (operation, shown) = (plan.operation, plan.target.shown.clone());
    let on_table = |e: Error| e.during(operation).on_table(&shown);
    let lender = on.lend();
    let db = lender.db();
    let mut lease = lender.lease().await.map_err(on_table)?;
    let bounds = Bounds::of_write(&lease);
    match load(&mut lease, &bounds, plan, &mut commands, &events).await {
        Ok(loaded) => match (close(&bounds, &mut lease).await, db) {
            (Ok(()), _) => Ok(loaded.report),
            (Err(Unclosed::Refused(error)), _) => {
                lease.failed(&error);
                Err(on_table(error))
            }
            (Err(Unclosed::Unanswered(cause)), Some(db)) => {
                // Its session is ended, so that the transaction does not stay in progress.
                drop(lease);
                let unanswered = Unanswered::new(loaded.number, cause);
                // In a box: it is seldom needed, and a part of every load's future.
                Box::pin(resolve(db, unanswered, false)).await.map_err(on_table)?;
                Ok(loaded.report)
            }
            (Err(Unclosed::Unanswered(cause)), None) => {
                let message = "the connection broke, and with it the transaction: nothing of it is stored";
                let error = Error::new(ErrorKind::Connection, message).caused_by(cause).undone();
                lease.failed(&error);
                Err(on_table(error))
            }
        },
        Err(failed) => {
            if let Some(error) = &failed.error {
                lease.failed(error);
            }
            // What cannot be undone is undone by the server, when the connection closes with the lease.
            if failed.at_rest {
                let undone = bounds.run(&mut lease, bounds.undo).await;
                failed.error.map_or(undone, Err).map_err(|e| on_table(e.undone()))?;
            } else if let Some(error) = failed.error {
                return Err(on_table(broken(error)));
            }
            Ok(CopyReport { rows: 0, bytes: 0 })
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
    bounds: &Bounds,
    plan: Plan<'_>,
    commands: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
) -> Result<Loaded, Failed> {
    let Plan { operation, target, sql, check, job } = plan;
    lease.set_own_transaction(true);
    let mut step = lease.step().map_err(|e| Failed { error: Some(e), at_rest: false })?.untimed();

    let looked = target.look(step.session(), bounds, "ROW EXCLUSIVE", &*check).await;
    let (types, number) = match looked {
        Ok(Ok(looked)) => looked,
        Ok(Err(error)) => {
            step.done();
            return Err(Failed::ours(error));
        }
        Err(error) => {
            let failed = Failed::of_driver(error, &target.name);
            if failed.at_rest {
                step.done();
            }
            return Err(failed);
        }
    };

    let started = Started { types, number };
    let session = step.session();
    let ended = async {
        // In a box: it is seldom needed, and a part of every load's future.
        let copied: &str = match &job {
            Some(job) => {
                Box::pin(job.open(session)).await?;
                merge::STAGE
            }
            None => &target.name,
        };
        let watch = Watch::begin(session.slow_statement, operation, || sql.as_str().into());
        let report = exchange(session, &sql, copied, started, commands, events).await?;
        drop(watch);
        if let Some(job) = job {
            Box::pin(job.run(session, report.rows, bounds.own)).await?;
        }
        Ok(report)
    };
    let ended: Result<CopyReport, Failed> = ended.await;
    match &ended {
        Ok(_) => step.done(),
        Err(failed) if failed.at_rest => step.done(),
        Err(_) => {}
    }
    ended.map(|report| Loaded { report, number })
}

/// The COPY itself: begun, fed and ended.
async fn exchange(
    session: &mut Session,
    sql: &str,
    copied: &str,
    started: Started,
    commands: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
) -> Result<CopyReport, Failed> {
    let failed = |e| Failed::of_driver(e, copied);
    let limit = session.answer_limit;
    let mut copy = driver::answered(limit, session.conn.copy_in_raw(sql)).await.map_err(failed)?;
    match transfer(&mut copy, limit, started, commands, events).await.map_err(failed)? {
        Moved::Finish { bytes, rows, allow_skipped } => {
            let count = driver::answered(limit, copy.finish()).await.map_err(failed)?;
            if count == rows || allow_skipped {
                return Ok(CopyReport { rows: count, bytes });
            }
            let message = format!(
                "the server stored {count} of {rows} rows, so the load was undone: a trigger left rows out; \
                 CopyInOptions::allow_skipped accepts that"
            );
            Err(Failed::ours(Error::new(ErrorKind::Copy, message)))
        }
        Moved::Abort => {
            // Ended and then undone, rather than aborted: after the server has refused a row already, the driver's abort
            // leaves its stream out of step, and its end does not. What the server says of the end is undone either way.
            let ended = driver::answered(limit, copy.finish()).await;
            Err(Failed { error: None, at_rest: ended.as_ref().err().is_none_or(driver::at_rest) })
        }
    }
}

enum Moved {
    Finish { bytes: u64, rows: u64, allow_skipped: bool },
    Abort,
}

/// Hands the data over, chunk by chunk.
async fn transfer(
    copy: &mut PgCopyIn<&mut PgConnection>,
    limit: Option<Duration>,
    started: Started,
    commands: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
) -> Result<Moved, sqlx::Error> {
    let mut bytes = 0;
    let mut tell = events.send(Event::Started(started)).await;
    while tell.is_ok() {
        match commands.recv().await {
            Some(Command::Data(mut data)) => {
                for piece in data.chunks(PIECE) {
                    driver::answered(limit, copy.send(piece)).await?;
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

/// Closes a load: commits it, or releases its savepoint.
async fn close(bounds: &Bounds, lease: &mut Lease<'_>) -> Result<(), Unclosed> {
    let mut step = lease.step().map_err(Unclosed::Refused)?;
    match driver::simple(step.session(), bounds.close).await {
        Ok(_) => {
            step.done();
            lease.set_own_transaction(false);
            Ok(())
        }
        Err(error) if driver::at_rest(&error) => {
            // A constraint that was deferred to the end: the server has rolled back, and the connection is free.
            step.done();
            lease.set_own_transaction(false);
            let cause = driver::error(error);
            if cause.sqlstate().is_some_and(|state| state.class() == SqlClass::IntegrityConstraint) {
                let message = "nothing of the load was stored: a constraint that is checked at its end was violated, \
                               and the server names no row then";
                return Err(Unclosed::Refused(Error::new(ErrorKind::Copy, message).caused_by(cause).undone()));
            }
            let kind = if cause.kind() == ErrorKind::Query { ErrorKind::Copy } else { cause.kind() };
            let message = "nothing of the load was stored: its end was refused";
            Err(Unclosed::Refused(Error::new(kind, message).caused_by(cause).undone()))
        }
        Err(error) => Err(Unclosed::Unanswered(driver::error(error))),
    }
}
