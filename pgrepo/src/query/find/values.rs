use std::fmt;
use std::marker::PhantomData;

use crate::copy::{CopyOutStream, Selection};
use crate::error::Result;
use crate::pool::Handle;
use crate::query::explained::{Explain, explained};
use crate::query::open_again;
use crate::query::run::{Run, no_row};
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
        let (run, place) = self.run("fetch_all").await?;
        run.all().await.map_err(|e| place.blame(e))
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
        let (run, place) = self.run("fetch_one").await?;
        let found = run.at_most_one().await.map_err(|e| place.blame(e))?;
        found.ok_or_else(|| place.blame(no_row("fetch_one")))
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
        let (run, place) = self.run("fetch_optional").await?;
        run.at_most_one().await.map_err(|e| place.blame(e))
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
        first.fetch_optional().await
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
        let (run, place) = self.run("stream").await?;
        run.stream::<V>().map_err(|e| place.blame(e))
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
        let place = Place::of::<T>(self.on.schema());
        let text = self.select.some(&place, &self.columns);
        let selection = Selection { sql: &text.sql, params: &text.params, place: Some(place) };
        CopyOutStream::select(self.on, selection).await
    }

    async fn run<'s>(self, operation: &'static str) -> Result<(Run<'s>, Place)>
    where
        H: 's,
    {
        let place = Place::of::<T>(self.on.schema());
        let text = self.select.some(&place, &self.columns);
        let run = open_again(self.on, operation, &text.sql, &text.params, Some(V::FIELDS)).await;
        Ok((run.map_err(|e| place.blame(e))?, place))
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
