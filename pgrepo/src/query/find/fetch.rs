use std::fmt;
use std::pin::pin;

use tokio::io::AsyncWrite;

use crate::copy::{COPY_OUT, CopyFormat, CopyOutReport, CopyOutStream, Selection, copy_out_raw};
use crate::error::Result;
use crate::observe::Operation;
use crate::pool::Handle;
use crate::query::run::Run;
use crate::query::{Filter, Sort, open_again};
use crate::stream::RowStream;
use crate::table::{CopyOut, Fields, FromRow, OwnedRow, PgTable, Place};

use super::select::Select;

/// Rows of one table to be fetched: a condition, an order, a limit.
#[must_use = "nothing is asked until it is fetched"]
pub struct Find<'q, H, T: ?Sized> {
    pub(in crate::query) on: H,
    pub(in crate::query) select: Select<'q, T>,
}

impl<'q, H: Handle, T: PgTable> Find<'q, H, T> {
    pub(crate) fn new(on: H, filter: Filter<'q, T>) -> Self {
        Self { on, select: Select::new(filter) }
    }

    /// Sorts by a column, after those given before.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let airports = db.repository::<Airport>().all().order_by(Airport::CITY.asc()).order_by(Airport::ICAO.asc());
    /// assert!(airports.sql().ends_with(r#"ORDER BY "city", "icao""#));
    /// # Ok(())
    /// # }
    /// ```
    pub fn order_by(mut self, sort: Sort<'q, T>) -> Self {
        self.select.order.push(sort);
        self
    }

    /// Fetches so many rows at most. The number is bound, so the statement is the same for each.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let high = db.repository::<Airport>().all().order_by(Airport::ELEVATION_FT.desc());
    /// let highest = high.limit(10).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn limit(mut self, rows: u64) -> Self {
        self.select.limit = Some(bounded(rows));
        self
    }

    /// Leaves out so many rows at the beginning. The server reads them all the same, so far pages are slow; a condition
    /// on the key of the last row seen is not.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let sorted = db.repository::<Airport>().all().order_by(Airport::ICAO.asc());
    /// let third_ten = sorted.offset(20).limit(10).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn offset(mut self, rows: u64) -> Self {
        self.select.offset = Some(bounded(rows));
        self
    }

    /// Takes each row once among those that are equal in all columns.
    ///
    /// The server refuses it for columns without equality, such as `json`, and beside an order by anything that is not a
    /// column.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let airports = db.repository::<Airport>().all().distinct().fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn distinct(mut self) -> Self {
        self.select.distinct = true;
        self
    }

    /// The statement's text, with `$1`, `$2`, … where values are bound.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let high = db.repository::<Airport>().find(Airport::ELEVATION_FT.gt(8_000.0));
    /// assert!(high.sql().ends_with(r#"FROM "airports" WHERE "elevation_ft" > $1"#));
    /// # Ok(())
    /// # }
    /// ```
    pub fn sql(&self) -> String {
        self.select.rows(&Place::of::<T>(self.on.schema())).sql
    }

    /// Fetches all of them.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table;
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode): a value does not fit its field; else what the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// for airport in db.repository::<Airport>().find(Airport::ELEVATION_FT.gt(8_000.0)).fetch_all().await? {
    ///     println!("{}", airport.icao);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_all(self) -> Result<Vec<T>>
    where
        T: OwnedRow,
    {
        let (place, operation) = self.begin("fetch_all");
        let fetched = pin!(async { self.run(&place, "fetch_all", T::FIELDS).await?.all().await });
        operation.watch(fetched).await.map_err(|e| place.blame(e))
    }

    /// Fetches the one that there is.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); [`ErrorKind::NoRow`](crate::ErrorKind::NoRow) and
    /// [`ErrorKind::ManyRows`](crate::ErrorKind::ManyRows).
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let la_paz = db.repository::<Airport>().find(Airport::CITY.eq("La Paz")).fetch_one().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_one(self) -> Result<T>
    where
        T: OwnedRow,
    {
        let (place, operation) = self.begin("fetch_one");
        let fetched = pin!(async { self.run(&place, "fetch_one", T::FIELDS).await?.one().await });
        operation.watch(fetched).await.map_err(|e| place.blame(e))
    }

    /// Fetches the one that there is, if any.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no row.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// if let Some(airport) = db.repository::<Airport>().find(Airport::CITY.eq("La Paz")).fetch_optional().await? {
    ///     println!("{}", airport.icao);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_optional(self) -> Result<Option<T>>
    where
        T: OwnedRow,
    {
        self.at_most_one("fetch_optional").await
    }

    /// Fetches the first, if there is any; the server is asked for no more.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let highest = db.repository::<Airport>().all().order_by(Airport::ELEVATION_FT.desc()).fetch_first().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_first(self) -> Result<Option<T>>
    where
        T: OwnedRow,
    {
        let mut first = self;
        first.select.limit = Some(first.select.limit.unwrap_or(1).min(1));
        first.at_most_one("fetch_first").await
    }

    /// Begins to read them one by one: see [`RowStream`].
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    ///
    /// # Cancel safety
    /// As [`Query::stream`](crate::Query::stream).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut airports = db.repository::<Airport>().all().stream().await?;
    /// while let Some(airport) = airports.next().await? {
    ///     println!("{}", airport.icao);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stream<'s>(self) -> Result<RowStream<'s, T>>
    where
        T: FromRow,
        H: 's,
    {
        let (place, operation) = self.begin("stream");
        let opened = operation.opened(pin!(self.run(&place, "stream", T::FIELDS))).await;
        opened.and_then(|(run, operation)| run.stream::<T>(operation)).map_err(|e| place.blame(e))
    }

    /// Reads them by binary COPY, which is the least work for the client.
    ///
    /// It costs some round trips more than a stream, and less for each row: for large results. COPY takes no parameters, so
    /// the server writes each value as a literal of its type into the statement. On `&Db` it runs in a transaction of its
    /// own that reads only; in a transaction, under a savepoint.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); a value that does not fit is reported by its row.
    ///
    /// # Cancel safety
    /// A dropped future or stream closes its connection; in a transaction it leaves that unusable.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { icao: String, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut high = db.repository::<Airport>().find(Airport::ELEVATION_FT.gt(8_000.0)).copy_out().await?;
    /// while let Some(airport) = high.next().await? {
    ///     println!("{}", airport.icao);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_out<'s>(self) -> Result<CopyOutStream<'s, T>>
    where
        T: CopyOut,
        H: 's,
    {
        let (place, operation) = self.begin(COPY_OUT);
        let opened = pin!(async {
            let text = self.select.rows(&place);
            let selection = Selection { sql: &text.sql, params: &text.params, place: Some(place.clone()) };
            CopyOutStream::select(self.on, selection).await
        });
        operation.opened(opened).await.map(CopyOutStream::observed)
    }

    /// Writes them as CSV, text or binary: see [`Repository::copy_out_raw`](crate::Repository::copy_out_raw).
    ///
    /// # Errors
    /// As [`Repository::copy_out_raw`](crate::Repository::copy_out_raw).
    ///
    /// # Cancel safety
    /// As [`Repository::copy_out_raw`](crate::Repository::copy_out_raw).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { icao: String, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db, mut file: impl tokio::io::AsyncWrite + Unpin) -> pgrepo::Result<()> {
    /// use pgrepo::CopyFormat;
    /// let high = db.repository::<Airport>().find(Airport::ELEVATION_FT.gt(8_000.0));
    /// let report = high.copy_out_raw(&CopyFormat::csv(), &mut file).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_out_raw<W>(self, format: &CopyFormat, writer: &mut W) -> Result<CopyOutReport>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        let (place, operation) = self.begin(COPY_OUT);
        let copied = pin!(async {
            let text = self.select.rows(&place);
            let selection = Selection { sql: &text.sql, params: &text.params, place: Some(place.clone()) };
            copy_out_raw(self.on, selection, format, writer).await
        });
        operation.watch(copied).await
    }

    /// The table, and the operation as it is told of.
    pub(super) fn begin(&self, operation: &'static str) -> (Place, Operation) {
        let place = Place::of::<T>(self.on.schema());
        let operation = self.on.observe(operation, place.subject());
        (place, operation)
    }

    async fn at_most_one(self, name: &'static str) -> Result<Option<T>>
    where
        T: OwnedRow,
    {
        let (place, operation) = self.begin(name);
        let fetched = pin!(async { self.run(&place, name, T::FIELDS).await?.at_most_one().await });
        operation.watch(fetched).await.map_err(|e| place.blame(e))
    }

    async fn run<'s>(self, place: &Place, operation: &'static str, fields: Fields) -> Result<Run<'s>>
    where
        H: 's,
    {
        let text = self.select.rows(place);
        open_again(self.on, operation, &text.sql, &text.params, Some(fields)).await
    }
}

/// A number of rows as the server takes it; a table holds fewer than its greatest.
fn bounded(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl<H, T: ?Sized> fmt::Debug for Find<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Find").field("select", &self.select).finish_non_exhaustive()
    }
}
