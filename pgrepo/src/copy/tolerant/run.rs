//! A tolerant load from its beginning to its end: batches, each a COPY under a savepoint.

use std::pin::pin;
use std::time::Duration;

use futures_core::Stream;

use crate::copy::bounds::Bounds;
use crate::copy::catalog::text;
use crate::copy::failed::placed;
use crate::copy::frame::{self, HEADER};
use crate::copy::kind::At;
use crate::copy::load::{CopyReport, end};
use crate::copy::options::CopyInOptions;
use crate::copy::plan::{Plan, Prepared};
use crate::copy::progress::Following;
use crate::copy::typed::plan;
use crate::error::{Committed, Error, ErrorKind, Result};
use crate::pool::{Db, Handle, Lease, Lender, Step, Watch, driver};
use crate::table::{Place, WriteRow};
use crate::tx::TxId;

use super::blame;
use super::budget::Budget;
use super::bulk::{Commit, LoadReport};
use super::columns::Columns;
use super::feed::{send_again, send_source};
use super::intake::{Batch, Filled, Intake, Most};
use super::isolate::Outcome;
use super::reject::Rejected;
use super::sink::Sink;
use super::source::SourceError;

pub(super) const OPERATION: &str = "load";

/// What stands between two attempts.
const SAVEPOINT: &str = "SAVEPOINT pgrepo_batch";
const KEEP: &str = "RELEASE SAVEPOINT pgrepo_batch; SAVEPOINT pgrepo_batch";
const BACK: &str = "ROLLBACK TO SAVEPOINT pgrepo_batch";

/// How a load goes about.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) options: CopyInOptions,
    pub(super) budget: Budget,
    pub(super) most: Most,
    pub(super) commit: Commit,
    pub(super) limit: Option<Duration>,
}

impl Settings {
    fn check(&self, in_transaction: bool) -> Result<()> {
        let refused = |message| Err(Error::new(ErrorKind::Config, message));
        if self.most.rows == 0 || self.most.bytes == 0 {
            return refused("a batch of a load holds one row and one byte at least");
        }
        if self.options.freeze {
            return refused(
                "rows are not stored frozen by a load that goes on past bad ones: its batches are savepoints, and the server \
                 takes FREEZE only where the table was emptied; copy_in does it",
            );
        }
        if self.commit == Commit::EachBatch && (self.options.truncate || self.options.restart_identity) {
            return refused("a table that is emptied first is filled in one transaction: commit the whole");
        }
        if in_transaction && self.commit == Commit::EachBatch {
            return refused(
                "a load in a transaction is committed with that: load on the database for a commit of each batch",
            );
        }
        self.budget.check()
    }
}

/// What became of the rows so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// What is stored for good, whatever comes.
    committed: Committed,
    /// What will be stored with the next COMMIT.
    pub(super) rows: u64,
    pub(super) rejected: u64,
    skipped: u64,
    batches: u64,
    pub(super) bytes: u64,
    pub(super) resent: u64,
}

impl Tally {
    pub(super) fn all_rejected(&self) -> u64 {
        self.committed.rejected + self.rejected
    }
}

/// Loads the rows of a source, and hands its rejects to a sink.
pub(super) async fn run<H, R, S>(on: H, source: S, settings: Settings, sink: Sink<'_, R>) -> Result<LoadReport>
where
    H: Handle,
    R: WriteRow,
    S: Stream<Item = Result<R, SourceError>>,
{
    let place = Place::of::<R::Table>(on.schema());
    let mut tally = Tally::default();
    let ended = drive(on, place.clone(), source, settings, sink, &mut tally).await;
    ended.map_err(|e| place.blame(e.during(OPERATION)).of_load(tally.committed))?;
    let Tally { committed: Committed { rows, rejected, batches, .. }, bytes, skipped, resent, .. } = tally;
    Ok(LoadReport { loaded: rows, rejected, skipped, batches, bytes, resent })
}

async fn drive<H, R, S>(
    on: H,
    place: Place,
    source: S,
    settings: Settings,
    mut sink: Sink<'_, R>,
    tally: &mut Tally,
) -> Result<()>
where
    H: Handle,
    R: WriteRow,
    S: Stream<Item = Result<R, SourceError>>,
{
    settings.check(H::IN_TRANSACTION)?;
    let source = pin!(source);
    let mut intake = Intake::new(source, settings.limit);
    let mut batch = Batch::new(settings.most);
    // The first row decides on the columns; nothing is asked of the server before it is there.
    let enough = |rejects: &mut Vec<_>| settings.budget.count(rejects.len() as u64, || rejects.pop());
    let sent = match intake.first(&mut batch.rejects, enough).await? {
        Some(first) => {
            frame::sent(first).map_err(|e| Error::new(ErrorKind::Encode, "the row cannot be sent").caused_by(e))?
        }
        None => vec![true; R::COLUMNS.len()],
    };
    let (plan, marks) = plan::<R>(OPERATION, &place, &settings.options, sent)?;
    let mut following = Following::new(plan.how.progress.clone());
    let lender = on.lend();
    let db = lender.db();
    let lease = lender.lease().await?;
    following.ask(lease.session(), false);
    let bounds = Bounds::of_write(&lease).checking_at_once();
    let columns = Columns::new(place, marks);
    let (sql, deferred, buffer) = (String::new(), String::new(), Vec::new());
    let mut run = Run { settings, db, lease, bounds, plan, sql, columns, batch, buffer, tally, open: None, deferred };
    if let Err(error) = run.batches(&mut intake, &mut sink).await {
        return Err(run.undo(error).await);
    }
    let Tally { committed, skipped, bytes, .. } = *run.tally;
    following.stored(&CopyReport { rows: committed.rows, skipped, bytes });
    Ok(())
}

/// A transaction that is open, or the savepoint of a load in one.
#[derive(Debug, Clone, Copy)]
struct Open {
    number: Option<TxId>,
}

/// A load under way.
pub(super) struct Run<'t, 'a, R> {
    pub(super) settings: Settings,
    db: Option<&'t Db>,
    pub(super) lease: Lease<'t>,
    bounds: Bounds,
    pub(super) plan: Plan<'static>,
    /// The statement that begins each COPY.
    sql: String,
    pub(super) columns: Columns,
    pub(super) batch: Batch<R>,
    pub(super) buffer: Vec<u8>,
    pub(super) tally: &'a mut Tally,
    open: Option<Open>,
    /// The table's constraints that are deferred in a transaction of the caller's, as SET CONSTRAINTS names them.
    deferred: String,
}

impl<R: WriteRow> Run<'_, '_, R> {
    async fn batches<S>(&mut self, intake: &mut Intake<'_, R, S>, sink: &mut Sink<'_, R>) -> Result<()>
    where
        S: Stream<Item = Result<R, SourceError>>,
    {
        loop {
            self.begin(sink).await?;
            let (ended, first) = self.fill(intake).await?;
            self.tally.batches += u64::from(!self.batch.is_empty());
            let rejects = self.isolate(first, intake).await?;
            self.tally.rejected += rejects.len() as u64;
            self.tell(intake.seen, ended);
            self.settings.budget.share(self.tally.all_rejected(), intake.seen, ended)?;
            if ended {
                self.expected(intake.seen)?;
            }
            let rejects = self.store_rejects(sink, rejects).await?;
            // What a batch that is committed by itself has rejected is told when that is certain.
            if self.settings.commit == Commit::EachBatch {
                self.commit(intake.seen).await?;
                sink.take(rejects).await?;
            } else {
                sink.take(rejects).await?;
                if ended {
                    self.commit(intake.seen).await?;
                }
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Tells who follows the load how far it is.
    fn tell(&self, seen: u64, ended: bool) {
        if let Some(progress) = &self.plan.how.progress {
            progress.sent(seen, self.tally.bytes);
            if ended {
                progress.finishing();
            }
        }
    }

    fn expected(&self, seen: u64) -> Result<()> {
        match self.settings.options.expected_rows {
            Some(expected) if expected != seen => {
                let message = format!("{expected} rows were announced and {seen} came");
                Err(Error::new(ErrorKind::Copy, message))
            }
            _ => Ok(()),
        }
    }

    /// Begins a transaction or a savepoint if none is open: locks the table against changes of its columns, and checks them.
    async fn begin(&mut self, sink: &mut Sink<'_, R>) -> Result<()> {
        if self.open.is_some() {
            return Ok(());
        }
        if let (Lease::Over, Some(db)) = (&self.lease, self.db) {
            // The connection broke after a COMMIT that was found to be one.
            self.lease = Lender::Db(db).lease().await?;
        }
        self.lease.set_own_transaction(true);
        self.open = Some(Open { number: None });
        let mut step = self.lease.step()?.untimed();
        let Prepared { looked, sql } = match self.plan.prepare(step.session(), &self.bounds).await {
            Ok(prepared) => {
                step.done();
                prepared?
            }
            Err((at, error)) => return Err(refused(step, error, at, &self.plan).0),
        };
        self.sql = sql;
        self.columns.types = looked.checked;
        self.open = Some(Open { number: looked.number });
        self.bounds.say_again(&looked.said);
        if let Some(progress) = &self.plan.how.progress {
            progress.sending();
        }
        if !self.bounds.own {
            self.check_deferred().await?;
        }
        if let Sink::Table(table) = sink {
            let mut step = self.lease.step()?;
            let made = table.make(step.session()).await;
            step.settle(made).map_err(|e| table.blame(e))?;
        }
        self.simple(SAVEPOINT).await.map(drop)
    }

    /// Has the table's deferred constraints checked by each statement from now on, in a transaction of the caller's; there
    /// only these are, as the others are none of the load's business.
    async fn check_deferred(&mut self) -> Result<()> {
        let names = format!(
            "SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(n.nspname) || '.' || \
             pg_catalog.quote_ident(c.conname), ', ') FROM pg_catalog.pg_constraint c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace \
             WHERE c.conrelid = {}::pg_catalog.regclass AND c.condeferred",
            self.plan.target.literal()
        );
        let rows = self.simple(&names).await?;
        self.deferred = rows.first().map(|row| text(row, 0)).transpose()?.unwrap_or_default();
        if self.deferred.is_empty() {
            return Ok(());
        }
        let at_once = format!("SET CONSTRAINTS {} IMMEDIATE", self.deferred);
        self.simple(&at_once).await.map(drop).map_err(|cause| {
            let message = "what the transaction did before violates a deferred constraint of the table, so its rows \
                           cannot be told from the load's";
            Error::new(ErrorKind::Copy, message).caused_by(cause)
        })
    }

    /// Fills a batch and makes its first attempt; says whether the source has ended, and what came of the attempt.
    async fn fill<S>(&mut self, intake: &mut Intake<'_, R, S>) -> Result<(bool, Option<Outcome>)>
    where
        S: Stream<Item = Result<R, SourceError>>,
    {
        let Self { lease, plan, sql, columns, batch, buffer, tally, .. } = self;
        buffer.clear();
        buffer.extend_from_slice(HEADER);
        let mut filled = intake.fill(batch, columns, buffer).await?;
        if batch.rows.is_empty() {
            return Ok((filled == Filled::Ended, None));
        }
        let mut step = lease.step()?.untimed();
        let _watch = Watch::begin(step.session().slow_statement, OPERATION, || sql.as_str().into());
        let bytes = &mut tally.bytes;
        let sent = send_source(step.session(), sql, intake, batch, columns, buffer, bytes, &mut filled).await;
        let answer = answer(step, sent, plan)?;
        let rows = batch.rows.len();
        Ok((filled == Filled::Ended, Some(self.conclude(answer, rows).await?)))
    }

    /// Sends these of the batch's rows again.
    pub(super) async fn attempt(&mut self, places: &[usize]) -> Result<Outcome> {
        let Self { lease, plan, sql, columns, batch, buffer, tally, .. } = self;
        tally.resent += places.len() as u64;
        let rows = places.iter().filter_map(|place| batch.rows.get(*place)).map(|(_, row)| row);
        let encode = |row: &R, out: &mut Vec<u8>| columns.encode(row, out);
        let mut step = lease.step()?.untimed();
        let sent = send_again(step.session(), sql, rows, encode, buffer, &mut tally.bytes).await;
        let answer = answer(step, sent, plan)?;
        self.conclude(answer, places.len()).await
    }

    /// Keeps what an attempt with so many rows has stored, or undoes it.
    async fn conclude(&mut self, answer: Answer, rows: usize) -> Result<Outcome> {
        match answer {
            Answer::Stored(count) => {
                if count != rows as u64 && !self.settings.options.may_skip() {
                    let message = format!(
                        "the server stored {count} of {rows} rows: a trigger left rows out; \
                         CopyInOptions::allow_skipped accepts that"
                    );
                    return Err(Error::new(ErrorKind::Copy, message));
                }
                self.simple(KEEP).await?;
                self.tally.rows += count;
                self.tally.skipped += (rows as u64).saturating_sub(count);
                Ok(Outcome::Stored)
            }
            Answer::Refused { line, error } => {
                self.back().await?;
                Ok(Outcome::Refused { line: line.filter(|line| *line < rows), error })
            }
        }
    }

    /// Undoes what was done since the savepoint.
    pub(super) async fn back(&mut self) -> Result<()> {
        self.simple(BACK).await.map(drop)
    }

    /// Writes the rejects to their table, in the transaction of their batch; other sinks take what comes back.
    async fn store_rejects(&mut self, sink: &mut Sink<'_, R>, rejects: Vec<Rejected<R>>) -> Result<Vec<Rejected<R>>> {
        let Sink::Table(table) = sink else { return Ok(rejects) };
        if rejects.is_empty() {
            return Ok(rejects);
        }
        let mut step = self.lease.step()?;
        let written = table.write(step.session(), &self.plan.target.shown, &rejects).await;
        step.settle(written).map_err(|e| table.blame(e))?;
        self.simple(KEEP).await?;
        Ok(Vec::new())
    }

    /// Ends the transaction, or the savepoint of the load: what was stored since the last time is stored for good.
    async fn commit(&mut self, seen: u64) -> Result<()> {
        let Some(Open { number }) = self.open else { return Ok(()) };
        if !self.deferred.is_empty() {
            let later = format!("SET CONSTRAINTS {} DEFERRED", self.deferred);
            self.simple(&later).await?;
        }
        self.open = None;
        end(&self.bounds, &mut self.lease, self.db, number).await?;
        let Tally { committed, rows, rejected, batches, .. } = &mut *self.tally;
        committed.rows += std::mem::take(rows);
        committed.rejected += std::mem::take(rejected);
        committed.batches += std::mem::take(batches);
        committed.settled = seen;
        Ok(())
    }

    /// Undoes what is not committed, after an error.
    async fn undo(mut self, error: Error) -> Error {
        if self.open.is_none() {
            return error;
        }
        if self.lease.at_rest() {
            // What cannot be undone is undone by the server, when the connection closes with the lease.
            let _closed = self.bounds.run(&mut self.lease, self.bounds.undo).await;
            return error.undone();
        }
        match error.kind() {
            ErrorKind::Connection => {
                error.undone().saying("the connection broke before the end of the load, or of its batch, was sent")
            }
            _ => error.undone(),
        }
    }

    /// Runs statements of our own.
    pub(super) async fn simple(&mut self, sql: &str) -> Result<Vec<sqlx::postgres::PgRow>> {
        let mut step = self.lease.step()?;
        let ran = driver::simple(step.session(), sql).await;
        step.settle(ran)
    }
}

/// How the sending of a COPY ended.
pub(super) enum Sent {
    /// The server has answered, or cannot be reached.
    Ended(Result<u64, sqlx::Error>),
    /// A row that could be encoded before now cannot be; what was sent is ended and is to be undone.
    Unsendable { line: usize, error: Error },
    /// The source failed; what was sent is ended, and whether the session is at rest then.
    Cut { error: Error, at_rest: bool },
}

/// What the server said of it; the session is at rest.
enum Answer {
    Stored(u64),
    Refused { line: Option<usize>, error: Error },
}

/// Ends the step of a COPY. An error ends the load.
fn answer(step: Step<'_>, sent: Sent, plan: &Plan<'_>) -> Result<Answer> {
    match sent {
        Sent::Ended(Ok(count)) => {
            step.done();
            Ok(Answer::Stored(count))
        }
        Sent::Ended(Err(error)) => {
            let (error, line) = refused(step, error, At::Copy, plan);
            match blame::is_of_a_row(&error) {
                true => Ok(Answer::Refused { line: line.and_then(|line| usize::try_from(line).ok()), error }),
                false => Err(error),
            }
        }
        Sent::Unsendable { line, error } => {
            step.done();
            Ok(Answer::Refused { line: Some(line), error })
        }
        Sent::Cut { error, at_rest } => {
            if at_rest {
                step.done();
            }
            Err(error)
        }
    }
}

/// Ends a step that failed: its error, and the row of the COPY that it names.
fn refused(step: Step<'_>, error: sqlx::Error, at: At, plan: &Plan<'_>) -> (Error, Option<u64>) {
    let (error, line) = placed(step.failed(error), &plan.target.name);
    (at.advise(error, &plan.how), line)
}
