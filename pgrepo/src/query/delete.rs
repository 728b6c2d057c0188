use std::fmt;
use std::pin::pin;

use crate::error::Result;
use crate::pool::Handle;
use crate::table::{OwnedRow, PgTable, Place};

use super::explained::{Explain, explained};
use super::{Filter, Text, open};

const OPERATION: &str = "delete_where";

/// Rows of one table to be deleted: a condition.
#[must_use = "nothing is deleted until it is executed"]
pub struct Delete<'q, H, T: ?Sized> {
    on: H,
    filter: Filter<'q, T>,
}

impl<'q, H: Handle, T: PgTable> Delete<'q, H, T> {
    pub(crate) fn new(on: H, filter: Filter<'q, T>) -> Self {
        Self { on, filter }
    }

    /// The statement's text, with `$1`, `$2`, … where values are bound.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let low = db.repository::<Airport>().delete_where(Airport::ELEVATION_FT.lt(-1_000.0));
    /// assert_eq!(low.sql(), r#"DELETE FROM "airports" WHERE "elevation_ft" < $1"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sql(&self) -> String {
        text(&Place::of::<T>(self.on.schema()), &self.filter).sql
    }

    /// The server's plan for the statement, with the values that are bound, as EXPLAIN prints it
    /// (<https://www.postgresql.org/docs/current/using-explain.html>). Nothing is deleted.
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
    /// println!("{}", airports.delete_where(Airport::CITY.is_null()).explain().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain(self) -> Result<String> {
        let place = Place::of::<T>(self.on.schema());
        let text = text(&place, &self.filter);
        explained(self.on, Explain::Plan, &place, &text.sql, &text.params).await
    }

    /// Deletes the rows, and returns how many there were.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): a value does not fit its column; else what the server
    /// refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection; whether the statement took effect is then unknown, unless it runs in a
    /// transaction, which is rolled back.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let deleted = db.repository::<Airport>().delete_where(Airport::CITY.is_null()).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute(self) -> Result<u64> {
        let place = Place::of::<T>(self.on.schema());
        let text = text(&place, &self.filter);
        let told = self.on.observe(OPERATION, place.subject());
        let ended = pin!(async { open(self.on, OPERATION, &text.sql, &text.params, None).await?.count().await });
        told.watch(ended).await.map_err(|e| place.blame(e))
    }

    /// Deletes the rows, and returns them as they were.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`ErrorKind::Decode`](crate::ErrorKind::Decode): a value does not fit its field,
    /// after the rows were deleted.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// for airport in db.repository::<Airport>().delete_where(Airport::CITY.is_null()).fetch_all().await? {
    ///     println!("{} is gone", airport.icao);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_all(self) -> Result<Vec<T>>
    where
        T: OwnedRow,
    {
        let place = Place::of::<T>(self.on.schema());
        let mut text = text(&place, &self.filter);
        text.returning(T::SPECS);
        let told = self.on.observe(OPERATION, place.subject());
        let ended =
            pin!(async { open(self.on, OPERATION, &text.sql, &text.params, Some(T::FIELDS)).await?.all().await });
        told.watch(ended).await.map_err(|e| place.blame(e))
    }
}

fn text<'f, 'q, T: PgTable>(place: &Place, filter: &'f Filter<'q, T>) -> Text<'f, 'q> {
    let mut text = Text::new(format!("DELETE FROM {}", place.quoted()));
    text.filter(filter);
    text
}

impl<H, T: ?Sized> fmt::Debug for Delete<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delete").field("filter", &self.filter).finish_non_exhaustive()
    }
}
