use std::fmt;

use crate::error::Result;
use crate::pool::Handle;
use crate::stream::RowStream;
use crate::table::{Fields, FromRow, OwnedRow, PgTable, Place, sql};

use super::statement::{Run, no_row, open};
use super::{Filter, Sort, Text};

/// Rows of one table to be fetched: a condition, an order, a limit.
#[must_use = "nothing is asked until it is fetched"]
pub struct Find<'q, H, T: ?Sized> {
    on: H,
    filter: Filter<'q, T>,
    order: Vec<Sort<'q, T>>,
    limit: Option<u64>,
}

impl<'q, H: Handle, T: PgTable> Find<'q, H, T> {
    pub(crate) fn new(on: H, filter: Filter<'q, T>) -> Self {
        Self { on, filter, order: Vec::new(), limit: None }
    }

    /// Sorts by a column, after those given before.
    pub fn order_by(mut self, sort: Sort<'q, T>) -> Self {
        self.order.push(sort);
        self
    }

    /// Fetches so many rows at most.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// The statement's text, with `$1`, `$2`, … where values are bound.
    pub fn sql(&self) -> String {
        self.text(&Place::of::<T>(self.on.schema())).sql
    }

    /// Fetches all of them.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table;
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode): a value does not fit its field; else what the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    pub async fn fetch_all(self) -> Result<Vec<T>>
    where
        T: OwnedRow,
    {
        let (run, place) = self.run("fetch_all", T::FIELDS).await?;
        run.all().await.map_err(|e| place.blame(e))
    }

    /// Fetches the one that there is.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); [`ErrorKind::NoRow`](crate::ErrorKind::NoRow) and
    /// [`ErrorKind::ManyRows`](crate::ErrorKind::ManyRows).
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    pub async fn fetch_one(self) -> Result<T>
    where
        T: OwnedRow,
    {
        let (run, place) = self.run("fetch_one", T::FIELDS).await?;
        let found = run.at_most_one().await.map_err(|e| place.blame(e))?;
        found.ok_or_else(|| place.blame(no_row("fetch_one")))
    }

    /// Fetches the one that there is, if any.
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one), but for no row.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    pub async fn fetch_optional(self) -> Result<Option<T>>
    where
        T: OwnedRow,
    {
        let (run, place) = self.run("fetch_optional", T::FIELDS).await?;
        run.at_most_one().await.map_err(|e| place.blame(e))
    }

    /// Fetches the first, if there is any; the server is asked for no more.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    pub async fn fetch_first(self) -> Result<Option<T>>
    where
        T: OwnedRow,
    {
        let limit = self.limit.unwrap_or(1).min(1);
        self.limit(limit).fetch_optional().await
    }

    /// Begins to read them one by one: see [`RowStream`].
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    ///
    /// # Cancel safety
    /// As [`Query::stream`](crate::Query::stream).
    pub async fn stream<'s>(self) -> Result<RowStream<'s, T>>
    where
        T: FromRow,
        H: 's,
    {
        let (run, place) = self.run("stream", T::FIELDS).await?;
        run.stream::<T>().map_err(|e| place.blame(e))
    }

    async fn run<'s>(self, operation: &'static str, fields: Fields) -> Result<(Run<'s>, Place)>
    where
        H: 's,
    {
        let place = Place::of::<T>(self.on.schema());
        let Self { on, filter, order, limit } = self;
        let text = text(&place, &filter, &order, limit);
        let run = open(on, operation, &text.sql, &text.params, Some(fields)).await.map_err(|e| place.blame(e))?;
        Ok((run, place))
    }

    fn text<'f>(&'f self, place: &Place) -> Text<'f, 'q> {
        text(place, &self.filter, &self.order, self.limit)
    }
}

fn text<'f, 'q, T: PgTable>(
    place: &Place,
    filter: &'f Filter<'q, T>,
    order: &'f [Sort<'q, T>],
    limit: Option<u64>,
) -> Text<'f, 'q> {
    let mut text = Text::new(place.statement::<T>(T::SELECT, sql::select));
    text.filter(filter);
    text.order(order);
    if let Some(limit) = limit {
        text.push(&format!(" LIMIT {limit}"));
    }
    text
}

impl<H, T: ?Sized> fmt::Debug for Find<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Find")
            .field("filter", &self.filter)
            .field("order", &self.order)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
