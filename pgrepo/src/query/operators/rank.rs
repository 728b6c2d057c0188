use std::fmt;
use std::marker::PhantomData;

use crate::query::Sort;
use crate::query::fragment::{Fragment, Text};

/// How well a column of the table `T` has the words that are searched for: what
/// [`Column::text_rank`](crate::Column::text_rank) makes.
pub struct TextRank<'q, T: ?Sized> {
    rank: Fragment<'q>,
    of: PhantomData<fn() -> *const T>,
}

impl<'q, T: ?Sized> TextRank<'q, T> {
    pub(super) fn new(rank: Fragment<'q>) -> Self {
        Self { rank, of: PhantomData }
    }

    /// Sorts by the rank, the worst first, NULL last.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// let worst_first = Airport::CITY.text_rank("simple", "la paz").asc();
    /// assert!(format!("{worst_first:?}").starts_with("Sort(ts_rank("));
    /// ```
    pub fn asc(self) -> Sort<'q, T> {
        Sort::ascending(self.rank)
    }

    /// Sorts by the rank, NULL first, then the best; [`Sort::nulls_last`] puts NULL behind them.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let found = db.repository::<Airport>().find(Airport::CITY.text_search("simple", "la paz"));
    /// let best = found.order_by(Airport::CITY.text_rank("simple", "la paz").desc()).limit(10).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn desc(self) -> Sort<'q, T> {
        Sort::descending(self.rank)
    }
}

impl<T: ?Sized> fmt::Debug for TextRank<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::default();
        text.fragment(&self.rank);
        write!(f, "TextRank({})", text.sql)
    }
}
