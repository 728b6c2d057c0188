use std::fmt;
use std::marker::PhantomData;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::Operation;
use crate::pool::Handle;
use crate::table::{PgTable, Place, Spec, WriteRow, sql};
use crate::tx::TxId;
use crate::value::TypeInfo;

use super::catalog::Target;
use super::failed::{refused, unsendable};
use super::frame;
use super::load::{CHUNK, CopyReport, Load};
use super::options::CopyInOptions;
use super::plan::{Plan, Started};
use super::progress::Following;

const OPERATION: &str = "copy_in";

/// A load by binary COPY whose rows are handed over one by one.
///
/// Dropped without [`finish`](Self::finish) it stores nothing, and closes its connection; in a transaction it leaves
/// that unusable. [`abort`](Self::abort) keeps both.
#[must_use = "a load that is not finished stores nothing"]
pub struct CopyIn<'s, R> {
    state: State<'s>,
    operation: &'static str,
    /// Whether it is told of by itself, and not as a part of another operation.
    told: bool,
    options: CopyInOptions,
    buffer: Vec<u8>,
    rows: u64,
    /// The bytes that were sent.
    bytes: u64,
    place: Place,
    of: PhantomData<fn(R)>,
}

/// Starts a load for columns with the marks; what the handle's type was is forgotten here.
type Starter<'s> = Box<dyn FnOnce(Plan<'s>, Option<&Place>) -> Starting<'s> + Send + 's>;
type Starting<'s> = std::pin::Pin<Box<dyn Future<Output = Result<(Load<'s>, Started)>> + Send + 's>>;

enum State<'s> {
    /// Nothing has been sent: the first row decides on the columns.
    New(Starter<'s>),
    Open {
        load: Load<'s>,
        marks: Vec<bool>,
        all: bool,
        types: Vec<TypeInfo>,
        number: Option<TxId>,
    },
    /// It failed, or a call on it was dropped.
    Over,
}

impl<'s, R: WriteRow> CopyIn<'s, R> {
    pub(crate) fn new<H: Handle + 's>(on: H, options: CopyInOptions) -> Self {
        Self { told: true, ..Self::during(OPERATION, on, options) }
    }

    /// The same, as a part of another method, which errors name.
    pub(crate) fn during<H: Handle + 's>(operation: &'static str, on: H, options: CopyInOptions) -> Self {
        let place = Place::of::<R::Table>(on.schema());
        let state = State::New(Box::new(move |plan, told| {
            let told = told.map_or(Operation::none(), |place| on.observe(operation, place.subject()));
            Box::pin(Load::start(on, plan, told))
        }));
        Self { state, operation, told: false, options, buffer: Vec::new(), rows: 0, bytes: 0, place, of: PhantomData }
    }

    /// Encodes a row, and sends what has gathered when it is some 32 KiB.
    ///
    /// # Errors
    /// As [`Repository::copy_in`](crate::Repository::copy_in); the load is over then, and the table as it was.
    ///
    /// # Cancel safety
    /// A dropped future ends the load, which then stores nothing.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let mut copy = db.repository::<User>().start_copy_in::<User>(CopyInOptions::default());
    /// for id in 1..=3 {
    ///     copy.send(&User { id, name: format!("user {id}") }).await?;
    /// }
    /// assert_eq!(copy.finish().await?.rows, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(&mut self, row: &R) -> Result<()> {
        self.begin(row).await?;
        let State::Open { marks, all, types, .. } = &self.state else { return Err(self.over()) };
        let before = self.buffer.len();
        let encoded = if *all {
            frame::encode_row(row, types, &mut self.buffer)
        } else {
            frame::encode_marked(row, marks, types, &mut self.buffer)
        };
        let unsent = match encoded {
            Ok(()) => frame::row_length(self.buffer.len() - before).map_err(|e| unsendable(e, self.rows)),
            Err(error) => Err(refused::<R>(error, self.rows)),
        };
        if let Err(error) = unsent {
            // A connection that fails to undo the load undoes it by its end: the row's error is the one to tell.
            let _ended = self.undo(Some(&error)).await;
            return Err(self.blame(error));
        }
        self.rows += 1;
        if self.buffer.len() >= CHUNK { self.flush().await } else { Ok(()) }
    }

    /// Ends the load: its rows are stored; in a transaction they are when that is committed.
    ///
    /// # Errors
    /// As [`Repository::copy_in`](crate::Repository::copy_in).
    ///
    /// # Cancel safety
    /// A dropped future leaves all rows or none behind: see [`Repository::copy_in`](crate::Repository::copy_in).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let mut copy = db.repository::<User>().start_copy_in::<User>(CopyInOptions::default());
    /// copy.send(&User { id: 1, name: "Ann".into() }).await?;
    /// let report = copy.finish().await?;
    /// println!("{} rows, {} bytes", report.rows, report.bytes);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn finish(mut self) -> Result<CopyReport> {
        if let State::New(_) = self.state {
            self.open(Ok(vec![true; R::COLUMNS.len()])).await?;
        }
        if let Some(expected) = self.options.expected_rows
            && expected != self.rows
        {
            let message = format!("{expected} rows were announced and {} came, so nothing is stored", self.rows);
            let error = Error::new(ErrorKind::Copy, message);
            let _ended = self.undo(Some(&error)).await;
            return Err(self.blame(error));
        }
        self.buffer.extend_from_slice(&frame::TRAILER);
        self.flush().await?;
        if let Some(progress) = &self.options.progress {
            progress.finishing();
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Open { load, .. } => {
                load.finish(self.rows, self.options.may_skip()).await.map_err(|e| self.blame(e))
            }
            _ => Err(self.over()),
        }
    }

    /// Ends the load without storing anything; the connection, or the transaction, stays in use.
    ///
    /// # Errors
    /// The connection broke; nothing is stored all the same.
    ///
    /// # Cancel safety
    /// A dropped future stores nothing either.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let mut copy = db.repository::<User>().start_copy_in::<User>(CopyInOptions::default());
    /// copy.send(&User { id: 1, name: "Ann".into() }).await?;
    /// // The source failed: nothing is stored, and the connection stays in use.
    /// copy.abort().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn abort(mut self) -> Result<()> {
        self.undo(None).await
    }

    /// How many rows were handed over.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let mut copy = db.repository::<User>().start_copy_in::<User>(CopyInOptions::default());
    /// copy.send(&User { id: 1, name: "Ann".into() }).await?;
    /// assert_eq!(copy.rows(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The number of the load's own transaction, from the first row on, by which [`Db::outcome`](crate::Db::outcome)
    /// tells what became of a [`finish`](Self::finish) that was dropped; `None` for a load in a [`Tx`](crate::Tx), which
    /// has an [`id`](crate::Tx::id) itself. It costs nothing.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let mut copy = db.repository::<User>().start_copy_in::<User>(CopyInOptions::default());
    /// copy.send(&User { id: 1, name: "Ann".into(), age: None }).await?;
    /// // Kept, to ask by if `finish` is dropped.
    /// let number = copy.tx_id();
    /// copy.finish().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tx_id(&self) -> Option<TxId> {
        match self.state {
            State::Open { number, .. } => number,
            _ => None,
        }
    }

    /// [`abort`](Self::abort), since the source of the rows has failed.
    pub(crate) async fn abort_otherwise(mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Open { load, .. } => load.abort_otherwise().await,
            state => {
                self.state = state;
                self.undo(None).await
            }
        }
    }

    async fn undo(&mut self, error: Option<&Error>) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Open { load, .. } => match error {
                Some(error) => load.abort_by(error).await,
                None => load.abort().await,
            },
            State::New(_) => {
                drop(Following::begin(&self.options));
                Ok(())
            }
            State::Over => Ok(()),
        }
    }

    /// Begins the COPY, unless it has begun, with the columns that this row sends; the row itself is not sent.
    pub(crate) async fn begin(&mut self, row: &R) -> Result<()> {
        match self.state {
            State::New(_) => self.open(frame::sent(row).map_err(|e| refused::<R>(e, self.rows))).await,
            _ => Ok(()),
        }
    }

    async fn open(&mut self, sent: Result<Vec<bool>>) -> Result<()> {
        let State::New(start) = std::mem::replace(&mut self.state, State::Over) else { return Err(self.over()) };
        let following = Following::begin(&self.options);
        let planned = sent.and_then(|sent| plan::<R>(self.operation, &self.place, &self.options, sent, following));
        let (plan, marks) = planned.map_err(|e| self.blame(e))?;
        let (load, Started { types, number }) =
            start(plan, self.told.then_some(&self.place)).await.map_err(|e| self.blame(e))?;
        if let Some(progress) = &self.options.progress {
            progress.sending();
        }
        let all = marks.iter().all(|m| *m);
        self.state = State::Open { load, marks, all, types, number };
        self.buffer.extend_from_slice(frame::HEADER);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        // Taken out while the future runs: when it is dropped, the load is over.
        let State::Open { mut load, marks, all, types, number } = std::mem::replace(&mut self.state, State::Over)
        else {
            return Err(self.over());
        };
        let buffer = std::mem::take(&mut self.buffer);
        self.bytes += buffer.len() as u64;
        self.buffer = load.send(buffer).await.map_err(|e| self.blame(e))?;
        self.state = State::Open { load, marks, all, types, number };
        if let Some(progress) = &self.options.progress {
            progress.sent(self.rows, self.bytes);
        }
        Ok(())
    }

    #[cold]
    fn over(&self) -> Error {
        self.blame(Error::new(ErrorKind::Copy, "the load has ended before: it failed, or a call on it was dropped"))
    }

    #[cold]
    fn blame(&self, error: Error) -> Error {
        self.place.blame(error.during(self.operation))
    }
}

/// What a load of such rows writes to, if its first row sends `sent`; and which of the fields are sent.
pub(super) fn plan<R: WriteRow>(
    operation: &'static str,
    place: &Place,
    options: &CopyInOptions,
    sent: Vec<bool>,
    following: Following,
) -> Result<(Plan<'static>, Vec<bool>)> {
    let marks = options.marks(R::COLUMNS, sent)?;
    let how = options.how(&<R::Table as PgTable>::TABLE, following)?;
    let specs: Vec<Spec> = R::COLUMNS.iter().map(|c| c.spec).collect();
    let table = place.name();
    let layout = sql::Layout { schema: table.schema, table: table.name, columns: &specs };
    let plan = Plan {
        operation,
        target: Target::new(table),
        table: Some(place.declared()),
        sql: sql::text(|out| sql::copy_in(out, 0, &layout, sql::Only::Marked(&marks))),
        check: Box::new({
            let marks = marks.clone();
            move |table| table.fit_row(R::COLUMNS, &marks)
        }),
        how,
        job: None,
    };
    Ok((plan, marks))
}

impl<R> fmt::Debug for CopyIn<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyIn").field("rows", &self.rows).finish_non_exhaustive()
    }
}
