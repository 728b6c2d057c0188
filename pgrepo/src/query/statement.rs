use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use sqlx::Either;
use sqlx::postgres::PgRow;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::driver::{self, Prepared};
use crate::pool::{Encoded, Handle, Lease, Param, Step, Values, Watch};
use crate::row::Row;
use crate::stream::RowStream;
use crate::table::{Fields, FromCell, FromRow, OwnedRow};
use crate::value::Encode;

use super::{Plan, text};

/// A statement of the user's own, with the values of its parameters.
///
/// It is prepared once for each connection; the type of each value is compared with the one that the server gave the
/// parameter before anything is sent, so a value never arrives as another.
#[must_use = "a query does nothing until it is fetched or executed"]
pub struct Query<'q, H> {
    on: H,
    sql: Cow<'q, str>,
    params: Vec<Box<Param<'q>>>,
}

/// A statement of your own on a database or in a transaction: what [`Db::query`](crate::Db::query) and
/// [`Tx::query`](crate::Tx::query) call, for code that serves both.
pub fn query<'q, H: Handle>(on: H, sql: impl Into<Cow<'q, str>>) -> Query<'q, H> {
    Query::new(on, sql.into())
}

impl<'q, H: Handle> Query<'q, H> {
    pub(crate) fn new(on: H, sql: Cow<'q, str>) -> Self {
        Self { on, sql, params: Vec::new() }
    }

    /// Gives the next parameter, `$1` first, its value.
    pub fn bind(mut self, value: impl Encode + Send + Sync + 'q) -> Self {
        self.params.push(Box::new(value));
        self
    }

    /// Executes the statement and returns how many rows it affected.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`]: a value does not fit its parameter; else what the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection. Whether the statement took effect is then unknown, unless it runs in a
    /// transaction, which is rolled back.
    pub async fn execute(self) -> Result<u64> {
        self.run("execute", None).await?.count().await
    }

    /// Reads the one row of the result.
    ///
    /// # Errors
    /// [`ErrorKind::NoRow`] and [`ErrorKind::ManyRows`]; [`ErrorKind::Mismatch`]: the result's columns do not fit;
    /// [`ErrorKind::Decode`]: a value does not.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn fetch_one<T: OwnedRow>(self) -> Result<T> {
        self.run("fetch_one", Some(T::FIELDS)).await?.at_most_one::<T>().await?.ok_or_else(|| no_row("fetch_one"))
    }

    /// Reads the one value of the result: that of its only column in its only row.
    ///
    /// No row is an error, and so is NULL unless `V` is an `Option`. Where both may be,
    /// [`fetch_optional`](Self::fetch_optional) of an `Option` tells them apart: `None` is no row, `Some(None)` NULL.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one).
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users: i64 = db.query("SELECT count(*) FROM users").fetch_val().await?;
    /// let oldest: Option<i32> = db.query("SELECT max(age) FROM users").fetch_val().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_val<V: FromCell + OwnedRow>(self) -> Result<V> {
        self.run("fetch_val", Some(V::FIELDS)).await?.at_most_one::<V>().await?.ok_or_else(|| no_row("fetch_val"))
    }

    /// Reads the one row of the result, if there is any.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no row.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn fetch_optional<T: OwnedRow>(self) -> Result<Option<T>> {
        self.run("fetch_optional", Some(T::FIELDS)).await?.at_most_one::<T>().await
    }

    /// Reads the first row of the result, if there is any; the others are received and thrown away.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no and many rows.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn fetch_first<T: OwnedRow>(self) -> Result<Option<T>> {
        self.run("fetch_first", Some(T::FIELDS)).await?.first().await.map(|(first, _)| first)
    }

    /// Reads all rows of the result.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no and many rows.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn fetch_all<T: OwnedRow>(self) -> Result<Vec<T>> {
        self.run("fetch_all", Some(T::FIELDS)).await?.all().await
    }

    /// Reads the rows as the server names them, without a struct.
    ///
    /// # Errors
    /// What the server refused.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn fetch_rows(self) -> Result<Vec<Row>> {
        self.run("fetch_rows", None).await?.rows().await
    }

    /// Begins to read the rows one by one; memory stays flat at any size of the result.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no and many rows; a value that does not fit is reported by its row.
    ///
    /// # Cancel safety
    /// A dropped stream closes its connection: what it has not read never arrives. In a transaction it leaves that
    /// unusable.
    pub async fn stream<'s, T: FromRow>(self) -> Result<RowStream<'s, T>>
    where
        H: 's,
    {
        self.run("stream", Some(T::FIELDS)).await?.stream()
    }

    async fn run<'s>(self, operation: &'static str, fields: Option<Fields>) -> Result<Run<'s>>
    where
        H: 's,
    {
        text::check(&self.sql, H::IN_TRANSACTION)?;
        let params: Vec<&Param<'_>> = self.params.iter().map(|p| &**p).collect();
        open(self.on, operation, &self.sql, &params, fields).await
    }
}

impl<H> std::fmt::Debug for Query<'_, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let types: Vec<_> = self.params.iter().map(|p| p.rust_type()).collect();
        f.debug_struct("Query").field("sql", &self.sql).field("parameters", &types).finish_non_exhaustive()
    }
}

pub(crate) fn no_row(operation: &'static str) -> Error {
    Error::new(ErrorKind::NoRow, "exactly one row was asked for and the result has none").during(operation)
}

/// A statement that is prepared, and its parameters encoded: ready to run on its connection.
pub(crate) struct Run<'s> {
    pub(crate) lease: Lease<'s>,
    pub(crate) operation: &'static str,
    values: Encoded,
    prepared: Arc<Prepared>,
    plan: Option<Plan>,
}

/// Takes a connection, prepares the statement, encodes its parameters, and finds the columns of the fields that are
/// read.
pub(crate) async fn open<'s, H: Handle + 's>(
    on: H,
    operation: &'static str,
    sql: &str,
    params: &dyn Values,
    fields: Option<Fields>,
) -> Result<Run<'s>> {
    // The protocol counts them in 16 bits.
    if params.count() > usize::from(u16::MAX) {
        let message = format!("a statement takes 65535 parameters at most and {} values are bound", params.count());
        return Err(Error::new(ErrorKind::Mismatch, message).during(operation));
    }
    let lease = on.lend().lease().await.map_err(|e| e.during(operation))?;
    open_on(lease, operation, sql, params, fields).await
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
    Ok(Run { lease, operation, values, prepared, plan })
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
    step.settle(prepared)
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

/// What goes wrong between two rows: the driver's error, or ours about a row, after which the rest is still received.
enum Failed {
    Driver(sqlx::Error),
    Row(Error),
}

impl<'s> Run<'s> {
    /// Runs the statement to its end and hands over each row; returns the rows affected.
    pub(super) async fn drive(&mut self, on_row: &mut (dyn FnMut(&PgRow, u64) -> Result<()> + Send)) -> Result<u64> {
        let mut again = true;
        let slow = self.lease.session().slow_statement;
        let _watch = Watch::begin(slow, self.operation, || Arc::clone(&self.prepared.sql));
        loop {
            let mut step = self.lease.step()?;
            let (outcome, waited) = watched(once(&mut step, &self.prepared, &self.values, on_row)).await;
            match outcome {
                Ok(affected) => {
                    match waited {
                        true => step.done(),
                        false => step.done_at_once().await,
                    }
                    return Ok(affected);
                }
                Err(Failed::Row(error)) => {
                    step.done();
                    return Err(error.during(self.operation));
                }
                Err(Failed::Driver(error)) => {
                    // A stale statement is refused at Bind, before it has run: outside of a transaction it is
                    // prepared again and run once more.
                    let stale = again && driver::is_stale(&error);
                    let failed = step.settle(Err::<u64, _>(error)).map_err(|e| e.during(self.operation));
                    if !stale {
                        return failed;
                    }
                    self.renew().await?;
                    if self.lease.in_transaction() {
                        return failed;
                    }
                    again = false;
                }
            }
        }
    }

    /// Forgets what the session has prepared, and prepares this statement again if no transaction was aborted by it.
    async fn renew(&mut self) -> Result<()> {
        if self.lease.in_transaction() {
            return forget(&mut self.lease).await;
        }
        let prepared =
            prepare_again(&mut self.lease, &self.prepared.sql).await.map_err(|e| e.during(self.operation))?;
        if !driver::same_encoding(&self.prepared.parameters, &prepared.parameters) {
            let message = "the statement's parameters changed their types while it ran; run it again";
            return Err(Error::new(ErrorKind::Mismatch, message).during(self.operation));
        }
        self.prepared = prepared;
        Ok(())
    }

    pub(crate) async fn count(mut self) -> Result<u64> {
        self.drive(&mut |_, _| Ok(())).await
    }

    pub(crate) async fn each<T: OwnedRow>(mut self, take: &mut (dyn FnMut(T) -> Result<()> + Send)) -> Result<u64> {
        let operation = self.operation;
        let mut plan = self.plan()?;
        self.drive(&mut |row, index| {
            if index == 0 {
                plan.refreshed(row).map_err(|e| e.during(operation))?;
            }
            take(plan.read::<T>(row, index)?)
        })
        .await
    }

    /// How rows are read; a run that was opened without fields reads none.
    pub(super) fn plan(&mut self) -> Result<Plan> {
        let message = "the statement was opened without fields to read";
        self.plan.take().ok_or_else(|| Error::new(ErrorKind::Query, message).during(self.operation))
    }

    pub(crate) async fn all<T: OwnedRow>(self) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each::<T>(&mut |row| {
            rows.push(row);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    pub(crate) async fn at_most_one<T: OwnedRow>(self) -> Result<Option<T>> {
        let operation = self.operation;
        let (found, count) = self.first().await?;
        if count > 1 {
            let message = format!("a single row was asked for and the result has {count}");
            return Err(Error::new(ErrorKind::ManyRows, message).during(operation));
        }
        Ok(found)
    }

    /// Reads the first row, and counts all.
    async fn first<T: OwnedRow>(mut self) -> Result<(Option<T>, u64)> {
        let operation = self.operation;
        let mut plan = self.plan()?;
        let (mut first, mut count) = (None, 0);
        self.drive(&mut |row, index| {
            count = index + 1;
            if index == 0 {
                plan.refreshed(row).map_err(|e| e.during(operation))?;
                first = Some(plan.read::<T>(row, index)?);
            }
            Ok(())
        })
        .await?;
        Ok((first, count))
    }

    pub(crate) async fn rows(mut self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut shape = None;
        self.drive(&mut |row, _| {
            rows.push(Row::read(row, &mut shape));
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    pub(crate) fn stream<T: FromRow>(mut self) -> Result<RowStream<'s, T>> {
        let plan = self.plan()?;
        let operation = self.operation;
        let mut run = self;
        let rows = async_stream::try_stream! {
            let mut again = true;
            let slow = run.lease.session().slow_statement;
            let _watch = Watch::begin(slow, operation, || Arc::clone(&run.prepared.sql));
            loop {
                let mut step = run.lease.step()?;
                let limit = step.session().answer_limit;
                let mut failed = None;
                {
                    let mut rows = driver::run(step.session(), &run.prepared, &run.values);
                    while let Some(item) = driver::answered_next(limit, &mut rows).await {
                        match item {
                            Ok(Either::Right(row)) => yield row,
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
                    break;
                };
                // As in `drive`; a stale statement has given no row yet.
                let stale = again && driver::is_stale(&error);
                let failed = step.settle(Err::<(), _>(error));
                if stale {
                    run.renew().await?;
                    if !run.lease.in_transaction() {
                        again = false;
                        continue;
                    }
                }
                failed?;
                break;
            }
        };
        Ok(RowStream::new(Box::pin(rows), plan, operation))
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

async fn once(
    step: &mut Step<'_>,
    prepared: &Prepared,
    values: &Encoded,
    on_row: &mut (dyn FnMut(&PgRow, u64) -> Result<()> + Send),
) -> Result<u64, Failed> {
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
    refused.map_or(Ok(affected), |error| Err(Failed::Row(error)))
}
