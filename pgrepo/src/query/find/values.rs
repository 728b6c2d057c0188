use std::fmt;
use std::marker::PhantomData;
use std::pin::pin;

use crate::copy::{COPY_OUT, CopyOutStream, Selection};
use crate::error::Result;
use crate::observe::Operation;
use crate::pool::Handle;
use crate::query::explained::{Explain, explained};
use crate::query::open_again;
use crate::query::run::Run;
use crate::stream::RowStream;
use crate::table::{Column, CopyOut, FromRow, Name, OwnedRow, PgTable, Place, Projection};

use super::Find;
use super::select::Select;

/// Some columns of the rows that a [`Find`] asks for: what [`Find::select`] and [`Find::values`] make.
#[must_use = "nothing is asked until it is fetched"]
pub struct FindValues<'q, H, T: ?Sized, V> {
    on: H,
    select: Select<'q, T>,
    columns: Vec<Name>,
    of: PhantomData<fn() -> V>,
}

impl<'q, H: Handle, T: PgTable> Find<'q, H, T> {
    /// The values of one column instead of whole rows; conditions, order, limit and lock stay.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { icao: String, country: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let airports = db.repository::<Airport>().all().order_by(Airport::COUNTRY.asc());
    /// let countries: Vec<String> = airports.values(Airport::COUNTRY).distinct().fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn values<V, W>(self, column: Column<T, V, W>) -> FindValues<'q, H, T, V> {
        FindValues { on: self.on, select: self.select, columns: vec![column.name()], of: PhantomData }
    }

    /// Some columns instead of whole rows, in a record whose fields are columns of the table; conditions, order, limit and
    /// lock stay, on any of the table's columns. The server sends those of the record only.
    ///
    /// That the table's struct has these columns, and of what types, is checked by the compiler; what the live table has,
    /// before anything is read.
    ///
    /// # Examples
    /// ```no_run
    /// use pgrepo::{PgRecord, PgTable};
    ///
    /// #[derive(PgTable)]
    /// #[pg(table = "airports")]
    /// struct Airport { #[pg(primary_key)] icao: String, name: String, city: Option<String>, elevation_ft: f64 }
    ///
    /// #[derive(PgRecord)]
    /// #[pg(of = Airport)]
    /// struct Place { name: String, city: Option<String> }
    ///
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let high = db.repository::<Airport>().find(Airport::ELEVATION_FT.gt(8_000.0)).order_by(Airport::ICAO.asc());
    /// let places: Vec<Place> = high.select::<Place>().fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn select<R: Projection<Table = T>>(self) -> FindValues<'q, H, T, R> {
        let columns = R::SPECS.iter().map(|spec| spec.name).collect();
        FindValues { on: self.on, select: self.select, columns, of: PhantomData }
    }
}

impl<H: Handle, T: PgTable, V: FromRow> FindValues<'_, H, T, V> {
    /// Takes each value, or each record, once; NULL is a value. The server then sorts by what is read only.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let cities = db.repository::<Airport>().all().values(Airport::CITY).distinct().fetch_all().await?;
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
    /// let cities = db.repository::<Airport>().all().values(Airport::CITY);
    /// assert_eq!(cities.sql(), r#"SELECT "city" FROM "airports""#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sql(&self) -> String {
        self.select.some(&Place::of::<T>(self.on.schema()), &self.columns).sql
    }

    /// The server's plan for the statement, with the values that are bound, as EXPLAIN prints it
    /// (<https://www.postgresql.org/docs/current/using-explain.html>). Nothing is read from the table.
    ///
    /// # Errors
    /// What the server refused.
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
    /// let airports = db.repository::<Airport>();
    /// println!("{}", airports.find(Airport::ICAO.eq("SLLP")).values(Airport::CITY).explain().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain(self) -> Result<String> {
        let place = Place::of::<T>(self.on.schema());
        let text = self.select.some(&place, &self.columns);
        explained(self.on, Explain::Plan, &place, &text.sql, &text.params).await
    }

    /// Fetches all of them.
    ///
    /// # Errors
    /// As [`Find::fetch_all`].
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
    /// let high = db.repository::<Airport>().find(Airport::ELEVATION_FT.gt(8_000.0));
    /// let codes: Vec<String> = high.values(Airport::ICAO).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_all(self) -> Result<Vec<V>>
    where
        V: OwnedRow,
    {
        let (place, operation) = self.begin("fetch_all");
        let fetched = pin!(async { self.run(&place, "fetch_all").await?.all().await });
        operation.watch(fetched).await.map_err(|e| place.blame(e))
    }

    /// Fetches the one that there is.
    ///
    /// # Errors
    /// As [`Find::fetch_one`].
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
    /// let airports = db.repository::<Airport>();
    /// let feet: f64 = airports.find(Airport::ICAO.eq("SLLP")).values(Airport::ELEVATION_FT).fetch_one().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_one(self) -> Result<V>
    where
        V: OwnedRow,
    {
        let (place, operation) = self.begin("fetch_one");
        let fetched = pin!(async { self.run(&place, "fetch_one").await?.one().await });
        operation.watch(fetched).await.map_err(|e| place.blame(e))
    }

    /// Fetches the one that there is, if any.
    ///
    /// # Errors
    /// As [`Find::fetch_optional`].
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
    /// let airports = db.repository::<Airport>();
    /// // `None` is no such airport, `Some(None)` one without a city.
    /// let city: Option<Option<String>> =
    ///     airports.find(Airport::ICAO.eq("SLLP")).values(Airport::CITY).fetch_optional().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_optional(self) -> Result<Option<V>>
    where
        V: OwnedRow,
    {
        self.at_most_one("fetch_optional").await
    }

    /// Fetches the first, if there is any; the server is asked for no more.
    ///
    /// # Errors
    /// As [`Find::fetch_first`].
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
    /// let highest = db.repository::<Airport>().all().order_by(Airport::ELEVATION_FT.desc());
    /// let code: Option<String> = highest.values(Airport::ICAO).fetch_first().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_first(self) -> Result<Option<V>>
    where
        V: OwnedRow,
    {
        let mut first = self;
        first.select.limit = Some(first.select.limit.unwrap_or(1).min(1));
        first.at_most_one("fetch_first").await
    }

    /// Begins to read them one by one: see [`RowStream`].
    ///
    /// # Errors
    /// As [`Find::fetch_all`].
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
    /// let mut codes = db.repository::<Airport>().all().values(Airport::ICAO).stream().await?;
    /// while let Some(code) = codes.next().await? {
    ///     println!("{code}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stream<'s>(self) -> Result<RowStream<'s, V>>
    where
        H: 's,
    {
        let (place, operation) = self.begin("stream");
        let opened = operation.opened(pin!(self.run(&place, "stream"))).await;
        opened.and_then(|(run, operation)| run.stream::<V>(operation)).map_err(|e| place.blame(e))
    }

    /// Reads them by binary COPY, which is the least work for the client: see [`Find::copy_out`].
    ///
    /// # Errors
    /// As [`Find::copy_out`].
    ///
    /// # Cancel safety
    /// As [`Find::copy_out`].
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { icao: String, country: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let swiss = db.repository::<Airport>().find(Airport::COUNTRY.eq("CH"));
    /// let mut codes = swiss.values(Airport::ICAO).copy_out().await?;
    /// while let Some(icao) = codes.next().await? {
    ///     println!("{icao}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn copy_out<'s>(self) -> Result<CopyOutStream<'s, V>>
    where
        V: CopyOut,
        H: 's,
    {
        let (place, operation) = self.begin(COPY_OUT);
        let opened = pin!(async {
            let text = self.select.some(&place, &self.columns);
            let selection = Selection { sql: &text.sql, params: &text.params, place: Some(place.clone()) };
            CopyOutStream::select(self.on, selection).await
        });
        operation.opened(opened).await.map(CopyOutStream::observed)
    }

    fn begin(&self, operation: &'static str) -> (Place, Operation) {
        let place = Place::of::<T>(self.on.schema());
        let operation = self.on.observe(operation, place.subject());
        (place, operation)
    }

    async fn at_most_one(self, name: &'static str) -> Result<Option<V>>
    where
        V: OwnedRow,
    {
        let (place, operation) = self.begin(name);
        let fetched = pin!(async { self.run(&place, name).await?.at_most_one().await });
        operation.watch(fetched).await.map_err(|e| place.blame(e))
    }

    async fn run<'s>(self, place: &Place, operation: &'static str) -> Result<Run<'s>>
    where
        H: 's,
    {
        let text = self.select.some(place, &self.columns);
        open_again(self.on, operation, &text.sql, &text.params, Some(V::FIELDS)).await
    }
}

impl<H, T: ?Sized, V> fmt::Debug for FindValues<'_, H, T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FindValues")
            .field("columns", &self.columns)
            .field("select", &self.select)
            .finish_non_exhaustive()
    }
}
