use crate::error::Result;
use crate::pool::Handle;
use crate::query::explained::{Explain, explained};
use crate::table::{PgTable, Place};

use super::Find;

impl<H: Handle, T: PgTable> Find<'_, H, T> {
    /// The server's plan for the rows, with the values that are bound, as EXPLAIN prints it
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
    /// # struct Airport { #[pg(primary_key)] icao: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let plan = db.repository::<Airport>().find(Airport::ICAO.eq("EHAM")).explain().await?;
    /// assert!(plan.contains("airports_pkey"), "{plan}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain(self) -> Result<String> {
        self.plan(Explain::Plan).await
    }

    /// The server's plan as [`explain`](Self::explain) gives it, beside what it took: the statement is run, its rows
    /// are thrown away, and its locks stay.
    ///
    /// # Errors
    /// As [`explain`](Self::explain).
    ///
    /// # Cancel safety
    /// As [`explain`](Self::explain).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// println!("{}", db.repository::<Airport>().find(Airport::CITY.eq("La Paz")).explain_analyze().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain_analyze(self) -> Result<String> {
        self.plan(Explain::Analyze).await
    }

    async fn plan(self, how: Explain) -> Result<String> {
        let place = Place::of::<T>(self.on.schema());
        let text = self.select.rows(&place);
        explained(self.on, how, &place, &text.sql, &text.params).await
    }
}
