//! A tolerant load from its beginning to its end: batches, each a COPY under a savepoint.

use futures_core::Stream;

use crate::copy::bounds::Bounds;
use crate::copy::failed::placed;
use crate::copy::feed::{Unfed, settle};
use crate::copy::frame::HEADER;
use crate::copy::load::end;
use crate::copy::plan::{Plan, Prepared};
use crate::error::{Error, ErrorKind, FaultClass, Result};
use crate::pool::{Db, Lease, Lender, Watch, driver};
use crate::table::WriteRow;
use crate::tx::TxId;

use super::answer::{Answer, answer};
use super::columns::Columns;
use super::drive::Tally;
use super::early::Early;
use super::feed::{CopyInto, send_again, send_source};
use super::intake::{Batch, Filled, Intake};
use super::isolate::Outcome;
use super::merging::Merging;
use super::reject::Rejected;
use super::report::Commit;
use super::settings::Settings;
use super::sink::Sink;
use super::source::SourceError;

/// What stands between two attempts.
const SAVEPOINT: &str = "SAVEPOINT pgrepo_batch";
const KEEP: &str = "RELEASE SAVEPOINT pgrepo_batch; SAVEPOINT pgrepo_batch";
const BACK: &str = "ROLLBACK TO SAVEPOINT pgrepo_batch";

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
    pub(super) bounds: Bounds,
    pub(super) plan: Plan<'static>,
    /// The statement that begins each COPY.
    sql: String,
    /// The process of the server's that the transaction runs in.
    pub(super) backend: i32,
    pub(super) columns: Columns,
    pub(super) batch: Batch<R>,
    pub(super) buffer: Vec<u8>,
    pub(super) tally: &'a mut Tally,
    pub(super) merging: Option<Merging<R>>,
    open: Option<Open>,
    /// The table's constraints that are deferred in a transaction of the caller's, as SET CONSTRAINTS names them.
    pub(super) deferred: String,
}

impl<'t, 'a, R> Run<'t, 'a, R> {
    pub(super) fn new(
        settings: Settings,
        early: Early<'t>,
        mut plan: Plan<'static>,
        columns: Columns,
        batch: Batch<R>,
        tally: &'a mut Tally,
    ) -> Self {
        let Early { db, lease, bounds, .. } = early;
        plan.how.following.ask(lease.session(), false);
        Self {
            settings,
            db,
            lease,
            bounds,
            sql: String::new(),
            backend: 0,
            columns,
            batch,
            buffer: Vec::new(),
            tally,
            merging: plan.job.is_some().then(Merging::default),
            open: None,
            deferred: String::new(),
            plan,
        }
    }
}

impl<R: WriteRow> Run<'_, '_, R> {
    pub(super) async fn batches<S>(&mut self, intake: &mut Intake<'_, R, S>, sink: &mut Sink<'_, R>) -> Result<()>
    where
        S: Stream<Item = Result<R, SourceError>>,
    {
        loop {
            self.begin(sink).await?;
            let (ended, first) = self.fill(intake).await?;
            self.tally.batches += u64::from(!self.batch.is_empty());
            let mut rejects = self.isolate(first, intake.until()).await?;
            self.tally.rejected += rejects.len() as u64;
            self.tell(intake.seen, ended);
            if ended && self.merging.is_some() {
                let refused = self.merge(intake.until()).await?;
                self.tally.rejected += refused.len() as u64;
                self.tally.rows = self.tally.rows.saturating_sub(refused.len() as u64);
                rejects.extend(refused);
            }
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
        if let Some(progress) = self.plan.how.following.progress() {
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
            self.plan.how.following.ask(self.lease.session(), false);
        }
        self.lease.set_own_transaction(true);
        self.open = Some(Open { number: None });
        let mut step = self.lease.step()?.untimed();
        let Prepared { looked, sql } = match self.plan.prepare(step.session(), &self.bounds).await {
            Ok(prepared) => {
                step.done();
                prepared?
            }
            Err((at, error)) => {
                let (error, _) = placed(step.failed(error), &self.plan.target.name);
                return Err(at.advise(error, &self.plan.how));
            }
        };
        self.sql = sql;
        self.columns.types = looked.checked;
        self.backend = looked.backend;
        self.open = Some(Open { number: looked.number });
        self.bounds.say_again(&looked.said);
        if let Some(progress) = self.plan.how.following.progress() {
            progress.sending();
        }
        if !self.bounds.own {
            self.check_deferred().await?;
        }
        if let Some(job) = &self.plan.job {
            let mut step = self.lease.step()?.untimed();
            let opened = job.open(step.session()).await.map_err(Unfed::Seen);
            settle(step, opened)?;
        }
        if let Sink::Table(table) = sink {
            let mut step = self.lease.step()?.untimed();
            let made = table.make(step.session()).await;
            step.settle(made).map_err(|e| table.blame(e))?;
        }
        self.simple(SAVEPOINT).await.map(drop)
    }

    /// Fills a batch and makes its first attempt; says whether the source has ended, and what came of the attempt.
    async fn fill<S>(&mut self, intake: &mut Intake<'_, R, S>) -> Result<(bool, Option<Outcome>)>
    where
        S: Stream<Item = Result<R, SourceError>>,
    {
        let Self { lease, plan, sql, backend, columns, batch, buffer, tally, .. } = self;
        batch.before = tally.all_rejected();
        buffer.clear();
        buffer.extend_from_slice(HEADER);
        let mut filled = intake.fill(batch, columns, buffer).await?;
        if batch.rows.is_empty() {
            return Ok((filled == Filled::Ended, None));
        }
        let mut step = lease.step()?.untimed();
        let _watch = Watch::begin(&*step.session(), plan.operation, || plan.sql.as_str().into());
        let (bytes, into) = (&mut tally.bytes, CopyInto { sql, backend: *backend });
        let sent = send_source(step.session(), into, intake, batch, columns, buffer, bytes, &mut filled).await;
        let answer = answer(step, sent, plan, |line| Some(batch.rows.get(line)?.0))?;
        let rows = batch.rows.len();
        Ok((filled == Filled::Ended, Some(self.conclude(answer, rows).await?)))
    }

    /// Sends these of the batch's rows again.
    pub(super) async fn attempt(&mut self, places: &[usize]) -> Result<Outcome> {
        if self.merging.as_ref().is_some_and(|merging| merging.begun) {
            return self.merge_these(places).await;
        }
        let Self { lease, plan, sql, backend, columns, batch, buffer, tally, .. } = self;
        tally.resent += places.len() as u64;
        let rows = places.iter().filter_map(|place| batch.rows.get(*place));
        let encode = |index, row: &R, out: &mut Vec<u8>| columns.encode(index, row, out);
        let into = CopyInto { sql, backend: *backend };
        let mut step = lease.step()?.untimed();
        let _watch = Watch::begin(&*step.session(), plan.operation, || plan.sql.as_str().into());
        let sent = send_again(step.session(), into, rows, encode, buffer, &mut tally.bytes).await;
        let answer = answer(step, sent, plan, |line| Some(batch.rows.get(*places.get(line)?)?.0))?;
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
                self.store().await?;
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

    /// Keeps what was done since the savepoint.
    pub(super) async fn store(&mut self) -> Result<()> {
        self.simple(KEEP).await.map(drop)
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
        let mut step = self.lease.step()?.untimed();
        let written = table.write(step.session(), self.backend, &self.plan.target.shown, &rejects).await;
        settle(step, written).map_err(|e| table.blame(e))?;
        self.store().await?;
        Ok(Vec::new())
    }

    /// Ends the transaction, or the savepoint of the load: what was stored since the last time is stored for good.
    async fn commit(&mut self, seen: u64) -> Result<()> {
        let Some(Open { number }) = self.open else { return Ok(()) };
        self.defer_again().await?;
        self.open = None;
        self.bounds.closed();
        if let Err(error) = end(&self.bounds, &mut self.lease, self.db, number).await {
            self.tally.committed.unknown = error.fault_class() == FaultClass::Indeterminate;
            return Err(error);
        }
        self.tally.settle(seen);
        self.plan.how.following.committed(self.tally.committed.rows);
        Ok(())
    }

    /// Undoes what is not committed, after an error.
    pub(super) async fn undo(mut self, error: Error) -> Error {
        if self.open.is_none() && !self.bounds.is_open() {
            return error;
        }
        undo(&self.bounds, &mut self.lease, error).await
    }

    /// Runs statements of our own.
    pub(super) async fn simple(&mut self, sql: &str) -> Result<Vec<sqlx::postgres::PgRow>> {
        let mut step = self.lease.step()?;
        let ran = driver::simple(step.session(), sql).await;
        step.settle(ran)
    }
}

/// Undoes what is open, after an error.
pub(super) async fn undo(bounds: &Bounds, lease: &mut Lease<'_>, error: Error) -> Error {
    if lease.at_rest() {
        // What cannot be undone is undone by the server, when the connection closes with the lease.
        let _closed = bounds.run(lease, bounds.undo).await;
        return error.undone();
    }
    match error.kind() {
        ErrorKind::Connection => {
            error.undone().saying("the connection broke before the end of the load, or of its batch, was sent")
        }
        _ => error.undone(),
    }
}
