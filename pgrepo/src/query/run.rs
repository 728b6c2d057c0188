use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use sqlx::Either;
use sqlx::postgres::PgRow;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::{self, Operation};
use crate::pool::driver::{self, Prepared};
use crate::pool::{Encoded, Handle, Lease, Step, Values, Watch};
use crate::stream::RowStream;
use crate::table::{Fields, FromRow};

use super::Plan;
use super::reads::Reads;

/// A statement that is prepared, and its parameters encoded: ready to run on its connection.
pub(crate) struct Run<'s> {
    pub(crate) lease: Lease<'s>,
    pub(crate) operation: &'static str,
    values: Encoded,
    prepared: Arc<Prepared>,
    fields: Option<Fields>,
    plan: Option<Plan>,
    /// Where further connections come from, of what may be run again.
    pub(super) reads: Option<Reads<'s>>,
    /// How often the statement was prepared again, since it was stale.
    renewed: u8,
    /// Whether its text is still to be told as the operation's, and its rows: of several statements one is.
    text: bool,
    told: bool,
}

/// A statement is prepared again so often at most: each time the table may be altered anew before it is run.
const RENEWALS: u8 = 10;

/// Takes a connection, prepares the statement, encodes its parameters, and finds the columns of the fields that are
/// read.
pub(crate) async fn open<'s, H: Handle + 's>(
    on: H,
    operation: &'static str,
    sql: &str,
    params: &dyn Values,
    fields: Option<Fields>,
) -> Result<Run<'s>> {
    counted(params, operation)?;
    let lender = on.lend();
    let db = lender.db();
    let lease = lender.lease().await.map_err(|e| e.during(operation))?;
    let failed = match open_on(lease, operation, sql, params, fields).await {
        Err(error) => error,
        open => return open,
    };
    // The session may have ended while it idled. What could not be prepared was not sent; the others that idle are
    // pinged before they are lent, so that once is enough.
    let unsent = failed.is_infrastructure() && failed.is_retryable() && !failed.is_timeout();
    let Some(db) = db.filter(|db| unsent && db.retry().one_more(&failed)) else { return Err(failed) };
    // In a box: it is seldom needed, and a part of every operation's future.
    let again = Box::pin(async move {
        let lease = db.guard_once().await.map(Lease::Pooled).map_err(|e| e.during(operation))?;
        open_on(lease, operation, sql, params, fields).await
    });
    again.await.inspect(|_| observe::attempts(2)).map_err(|e: Error| e.after_attempts(2))
}

/// Refuses more parameters than the protocol counts, in 16 bits.
pub(super) fn counted(params: &dyn Values, operation: &'static str) -> Result<()> {
    if params.count() > usize::from(u16::MAX) {
        let message = format!("a statement takes 65535 parameters at most and {} values are bound", params.count());
        return Err(Error::new(ErrorKind::Mismatch, message).during(operation));
    }
    Ok(())
}

/// [`open`] on a connection that is there.
pub(crate) async fn open_on<'s>(
    mut lease: Lease<'s>,
    operation: &'static str,
    sql: &str,
    params: &dyn Values,
    fields: Option<Fields>,
) -> Result<Run<'s>> {
    let (mut prepared, known) = prepare(&mut lease, sql).await.map_err(|e| e.during(operation))?;
    let mut fitted = fit(&prepared, params, fields);
    // What the session prepared before may be older than the table: a mismatch of types is believed only of what is
    // prepared now. Where it cannot be, as in an aborted transaction, the first error stands.
    let doubtful = known
        && params.count() == prepared.parameters.len()
        && fitted.as_ref().is_err_and(|e| e.kind() == ErrorKind::Mismatch);
    if doubtful && let Ok(again) = prepare_again(&mut lease, sql).await {
        prepared = again;
        fitted = fit(&prepared, params, fields);
    }
    let (values, plan) = fitted.map_err(|e| e.during(operation))?;
    Ok(Run { lease, operation, values, prepared, fields, plan, reads: None, renewed: 0, text: true, told: true })
}

/// Compares the values with the parameters, and the fields with the columns.
fn fit(prepared: &Arc<Prepared>, params: &dyn Values, fields: Option<Fields>) -> Result<(Encoded, Option<Plan>)> {
    let values = params.encode(&prepared.parameters)?;
    let plan = fields.map(|fields| Plan::new(fields, prepared)).transpose()?;
    Ok((values, plan))
}

/// Prepares a statement, and says whether the session had done so before.
pub(super) async fn prepare(lease: &mut Lease<'_>, sql: &str) -> Result<(Arc<Prepared>, bool)> {
    let mut step = lease.step()?;
    let prepared = driver::prepare(step.session(), sql).await;
    // To prepare it has no effect, so neither has one that was not answered.
    step.settle(prepared).map_err(Error::undone)
}

/// Forgets what the session has prepared, and prepares this statement.
async fn prepare_again(lease: &mut Lease<'_>, sql: &str) -> Result<Arc<Prepared>> {
    forget(lease).await?;
    prepare(lease, sql).await.map(|(prepared, _)| prepared)
}

async fn forget(lease: &mut Lease<'_>) -> Result<()> {
    let mut step = lease.step()?;
    let forgotten = driver::forget(step.session()).await;
    step.settle(forgotten)
}

/// What ended a statement, and whether what was prepared no longer fits the schema.
struct Refused {
    error: Error,
    stale: bool,
}

impl Refused {
    fn by(step: Step<'_>, error: sqlx::Error) -> Self {
        let stale = driver::is_stale(&error);
        Self { error: step.failed(error), stale }
    }
}

/// What goes wrong between two rows: the driver's error, or ours about a row, after which the rest is still received.
enum Failed {
    Driver(sqlx::Error),
    Row(Error),
}

impl<'s> Run<'s> {
    /// Runs the statement to its end and hands over each row; returns the rows affected.
    pub(super) async fn drive(&mut self, on_row: &mut (dyn FnMut(&PgRow, u64) -> Result<()> + Send)) -> Result<u64> {
        self.tell();
        let _watch = Watch::begin(self.lease.session(), self.operation, || Arc::clone(&self.prepared.sql));
        loop {
            let mut step = self.lease.step()?;
            let (outcome, waited) = watched(once(&mut step, &self.prepared, &self.values, on_row)).await;
            match outcome {
                Ok((affected, returned)) => {
                    match waited {
                        true => step.done(),
                        false => step.done_at_once().await,
                    }
                    if self.told {
                        observe::rows(returned, affected);
                        self.tell_attempts();
                    }
                    return Ok(affected);
                }
                Err(Failed::Row(error)) => {
                    step.done();
                    return Err(error.during(self.operation));
                }
                Err(Failed::Driver(error)) => {
                    let refused = Refused::by(step, error);
                    self.once_more(refused).await?;
                }
            }
        }
    }

    /// The same, as a statement beside the one that the operation is told to be.
    pub(crate) fn aside(self) -> Self {
        Self { text: false, told: false, ..self }
    }

    /// The same, whose rows are told by whoever runs it.
    pub(super) fn uncounted(self) -> Self {
        Self { told: false, ..self }
    }

    /// Tells the text, where it is asked for.
    fn tell(&mut self) {
        if let Some(session) = self.lease.session()
            && std::mem::take(&mut self.text)
        {
            observe::text(&session.about, &self.prepared.sql);
        }
    }

    /// Tells how often it was tried, where it succeeded; an error says it itself.
    fn tell_attempts(&self) {
        if let Some(reads) = &self.reads {
            observe::attempts(reads.attempts());
        }
    }

    /// Decides on what has failed: the error, or to run the statement once more.
    ///
    /// A stale statement is refused at Bind, before it has run or given a row; outside of a transaction, which the refusal
    /// has aborted, it is prepared again and run once more; under a row of changes to the table that may happen again.
    async fn once_more(&mut self, refused: Refused) -> Result<()> {
        let failed = refused.error.during(self.operation);
        if !refused.stale || self.renewed == RENEWALS {
            return Err(failed);
        }
        self.renewed += 1;
        if self.lease.in_transaction() {
            forget(&mut self.lease).await?;
            return Err(failed);
        }
        let prepared =
            prepare_again(&mut self.lease, &self.prepared.sql).await.map_err(|e| e.during(self.operation))?;
        self.encoded_for(&prepared)?;
        self.prepared = prepared;
        Ok(())
    }

    /// Prepares the statement on another connection.
    pub(super) async fn reopen(&mut self) -> Result<()> {
        let during = |e: Error| e.during(self.operation);
        let (prepared, _) = prepare(&mut self.lease, &self.prepared.sql).await.map_err(during)?;
        self.encoded_for(&prepared)?;
        self.plan = self.fields.map(|fields| Plan::new(fields, &prepared)).transpose().map_err(during)?;
        self.prepared = prepared;
        Ok(())
    }

    /// Refuses what was prepared for other types of parameters than the values were encoded for.
    fn encoded_for(&self, prepared: &Prepared) -> Result<()> {
        if !driver::same_encoding(&self.prepared.parameters, &prepared.parameters) {
            let message = "the statement's parameters changed their types while it ran; run it again";
            return Err(Error::new(ErrorKind::Mismatch, message).during(self.operation));
        }
        Ok(())
    }

    /// How rows are read; a run that was opened without fields reads none.
    pub(super) fn plan(&mut self) -> Result<Plan> {
        let message = "the statement was opened without fields to read";
        self.plan.take().ok_or_else(|| Error::new(ErrorKind::Query, message).during(self.operation))
    }

    pub(crate) fn stream<T: FromRow>(mut self, told: Operation) -> Result<RowStream<'s, T>> {
        let plan = self.plan()?;
        let operation = self.operation;
        let mut run = self;
        let rows = async_stream::try_stream! {
            let mut given = false;
            run.tell();
            let _watch = Watch::begin(run.lease.session(), operation, || Arc::clone(&run.prepared.sql));
            loop {
                let mut step = run.lease.step()?.untimed();
                let limit = step.session().answer_limit;
                let mut failed = None;
                {
                    let mut rows = driver::run(step.session(), &run.prepared, &run.values);
                    while let Some(item) = driver::answered_next(limit, &mut rows).await {
                        match item {
                            Ok(Either::Right(row)) => {
                                given = true;
                                yield row;
                            }
                            Ok(Either::Left(_)) => {}
                            Err(error) => {
                                failed = Some(error);
                                break;
                            }
                        }
                    }
                }
                let Some(error) = failed else {
                    step.done();
                    run.tell_attempts();
                    break;
                };
                let refused = Refused::by(step, error);
                match run.once_more(refused).await {
                    Err(error) if !given => run.again(error).await?,
                    decided => decided?,
                }
            }
        };
        Ok(RowStream::new(Box::pin(rows), plan, operation, told))
    }
}

/// Runs a future, and says whether it had to wait.
async fn watched<F: Future>(work: F) -> (F::Output, bool) {
    let mut work = pin!(work);
    let mut waited = false;
    let output = poll_fn(|cx| {
        let polled = work.as_mut().poll(cx);
        waited |= polled.is_pending();
        polled
    })
    .await;
    (output, waited)
}

/// Returns how many rows were affected, and how many came.
async fn once(
    step: &mut Step<'_>,
    prepared: &Prepared,
    values: &Encoded,
    on_row: &mut (dyn FnMut(&PgRow, u64) -> Result<()> + Send),
) -> Result<(u64, u64), Failed> {
    let limit = step.session().answer_limit;
    let mut items = driver::run(step.session(), prepared, values);
    let (mut affected, mut index) = (0, 0);
    let mut refused = None;
    while let Some(item) = driver::answered_next(limit, &mut items).await {
        match item.map_err(Failed::Driver)? {
            Either::Left(done) => affected += done.rows_affected(),
            Either::Right(row) => {
                // After a row that does not fit the rest is received all the same, so that the connection is at rest.
                if refused.is_none() {
                    refused = on_row(&row, index).err();
                }
                index += 1;
            }
        }
    }
    refused.map_or(Ok((affected, index)), |error| Err(Failed::Row(error)))
}
