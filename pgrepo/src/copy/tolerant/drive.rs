//! A tolerant load, or merge, from its first row to its end.

use std::pin::pin;
use std::sync::Arc;

use futures_core::Stream;

use crate::copy::frame;
use crate::copy::load::CopyReport;
use crate::copy::merge::{self, MergeReport, Take};
use crate::copy::progress::Following;
use crate::copy::typed::plan;
use crate::error::{Committed, Error, ErrorKind, Result};
use crate::observe::{self, Copied, Direction};
use crate::pool::Handle;
use crate::table::{Place, WriteRow};

use super::columns::Columns;
use super::early::Lent;
use super::intake::{Batch, Intake};
use super::report::Commit;
use super::run::Run;
use super::settings::Settings;
use super::sink::Sink;
use super::source::SourceError;

/// What became of the rows so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// What is stored for good, whatever comes.
    pub(super) committed: Committed,
    /// What will be stored with the next COMMIT.
    pub(super) rows: u64,
    pub(super) rejected: u64,
    pub(super) skipped: u64,
    pub(super) batches: u64,
    pub(super) bytes: u64,
    pub(super) resent: u64,
    /// What became of the rows of a merge, but for its rejects.
    pub(super) merged: MergeReport,
}

impl Tally {
    pub(super) fn all_rejected(&self) -> u64 {
        self.committed.rejected + self.rejected
    }

    /// What was seen so far is stored or rejected for good.
    pub(super) fn settle(&mut self, seen: u64) {
        let Self { committed, rows, rejected, batches, .. } = self;
        committed.rows += std::mem::take(rows);
        committed.rejected += std::mem::take(rejected);
        committed.batches += std::mem::take(batches);
        committed.settled = seen;
    }
}

/// Loads or merges the rows of a source, and hands its rejects to a sink, and those that are merged to whoever reads them.
pub(super) async fn run<H, R, S>(
    on: H,
    source: S,
    settings: Settings,
    sink: Sink<'_, R>,
    read: Option<Box<Take<'static>>>,
) -> Result<Tally>
where
    H: Handle,
    R: WriteRow,
    S: Stream<Item = Result<R, SourceError>>,
{
    let place = Place::of::<R::Table>(on.schema());
    let operation = settings.operation();
    let mut tally = Tally::default();
    let told = on.observe(operation, place.subject());
    let ended = told.watch(pin!(drive(on, place.clone(), source, settings, sink, read, &mut tally))).await;
    ended.map_err(|e| place.blame(e.during(operation)).of_load(tally.committed))?;
    Ok(tally)
}

async fn drive<H, R, S>(
    on: H,
    place: Place,
    source: S,
    mut settings: Settings,
    mut sink: Sink<'_, R>,
    read: Option<Box<Take<'static>>>,
    tally: &mut Tally,
) -> Result<()>
where
    H: Handle,
    R: WriteRow,
    S: Stream<Item = Result<R, SourceError>>,
{
    let following = Following::begin(&settings.options);
    let operation = settings.operation();
    let about = Arc::clone(on.about());
    settings.check(H::IN_TRANSACTION)?;
    let source = pin!(source);
    let mut intake = Intake::new(source, operation, settings.limit);
    let mut batch = Batch::new(settings.most, settings.budget);
    let mut lent = Lent::Not(on.lend());
    let reached = first(&mut intake, &mut batch, &settings, &mut sink, tally, &mut lent, &place).await;
    let merge = settings.merge.take();
    let planned = reached.and_then(|()| {
        let sent = match intake.kept() {
            Some(first) => {
                frame::sent(first).map_err(|e| Error::new(ErrorKind::Encode, "the row cannot be sent").caused_by(e))?
            }
            None => vec![true; R::COLUMNS.len()],
        };
        match merge {
            Some(task) => merge::plan::<R>(&place, task, sent, following, read, None),
            None => plan::<R>(operation, &place, &settings.options, sent, following),
        }
    });
    let (plan, marks) = match planned {
        Ok(planned) => planned,
        Err(error) => return Err(lent.undo(error).await),
    };
    let early = lent.early().await?;
    let columns = Columns::new(operation, place, marks, plan.job.is_some());
    let mut run = Run::new(settings, early, plan, columns, batch, tally);
    if let Err(error) = run.batches(&mut intake, &mut sink).await {
        return Err(run.undo(error).await);
    }
    let Tally { committed, skipped, bytes, .. } = *run.tally;
    let (rows, table) = (committed.rows, run.plan.table);
    observe::copied(&about, &Copied { operation, table, direction: Direction::In, rows, bytes });
    run.plan.how.following.stored(&CopyReport { rows: committed.rows, skipped, bytes });
    Ok(())
}

/// Waits for the first row, which decides on the columns: nothing is asked of the server before it is there.
///
/// As many rows that could not be made as a batch holds are one, so that they do not gather. For a table they are written by
/// themselves, in the transaction that the load will go on in.
async fn first<R, S>(
    intake: &mut Intake<'_, R, S>,
    batch: &mut Batch<R>,
    settings: &Settings,
    sink: &mut Sink<'_, R>,
    tally: &mut Tally,
    lent: &mut Lent<'_>,
    place: &Place,
) -> Result<()>
where
    R: WriteRow,
    S: Stream<Item = Result<R, SourceError>>,
{
    loop {
        batch.before = tally.all_rejected();
        if !intake.first(batch).await? {
            return Ok(());
        }
        let rejects = std::mem::take(&mut batch.rejects);
        tally.rejected += rejects.len() as u64;
        tally.batches += 1;
        settings.budget.share(tally.all_rejected(), intake.seen, false)?;
        let each = settings.commit == Commit::EachBatch;
        if let Sink::Table(table) = sink {
            let early = lent.open().await?;
            early.write(table, place, &rejects).await?;
            if each {
                early.commit(tally).await?;
            }
        }
        // For all others there is nothing to commit.
        if each {
            tally.settle(intake.seen);
        }
        sink.take(rejects).await?;
    }
}
