use std::fmt;
use std::marker::PhantomData;

use crate::error::Result;
use crate::pool::Handle;
use crate::query::open_again;
use crate::query::statement::Run;
use crate::stream::RowStream;
use crate::table::{Column, FromRow, Name, OwnedRow, PgTable, Place};

use super::Find;
use super::select::Select;

/// The values of one column, of the rows that a [`Find`] asks for: what [`Find::values`] makes.
#[must_use = "nothing is asked until it is fetched"]
pub struct FindValues<'q, H, T: ?Sized, V> {
    on: H,
    select: Select<'q, T>,
    column: Name,
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
        FindValues { on: self.on, select: self.select, column: column.name(), of: PhantomData }
    }
}

impl<H: Handle, T: PgTable, V: FromRow> FindValues<'_, H, T, V> {
    /// Takes each value once; NULL is one. The server then sorts by this column only.
    pub fn distinct(mut self) -> Self {
        self.select.distinct = true;
        self
    }

    /// The statement's text, with `$1`, `$2`, … where values are bound.
    pub fn sql(&self) -> String {
        self.select.column(&Place::of::<T>(self.on.schema()), self.column).sql
    }

    /// Fetches all of them.
    ///
    /// # Errors
    /// As [`Find::fetch_all`].
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    pub async fn fetch_all(self) -> Result<Vec<V>>
    where
        V: OwnedRow,
    {
        let (run, place) = self.run("fetch_all").await?;
        run.all().await.map_err(|e| place.blame(e))
    }

    /// Begins to read them one by one: see [`RowStream`].
    ///
    /// # Errors
    /// As [`Find::fetch_all`].
    ///
    /// # Cancel safety
    /// As [`Query::stream`](crate::Query::stream).
    pub async fn stream<'s>(self) -> Result<RowStream<'s, V>>
    where
        H: 's,
    {
        let (run, place) = self.run("stream").await?;
        run.stream::<V>().map_err(|e| place.blame(e))
    }

    async fn run<'s>(self, operation: &'static str) -> Result<(Run<'s>, Place)>
    where
        H: 's,
    {
        let place = Place::of::<T>(self.on.schema());
        let text = self.select.column(&place, self.column);
        let run = open_again(self.on, operation, &text.sql, &text.params, Some(V::FIELDS)).await;
        Ok((run.map_err(|e| place.blame(e))?, place))
    }
}

impl<H, T: ?Sized, V> fmt::Debug for FindValues<'_, H, T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FindValues").field("column", &self.column).field("select", &self.select).finish_non_exhaustive()
    }
}
