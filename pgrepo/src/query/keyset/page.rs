use std::fmt;
use std::num::NonZeroUsize;

use crate::error::Result;
use crate::pool::Handle;
use crate::query::find::{Find, Select};
use crate::table::{OwnedRow, PrimaryKey};

use super::PageToken;
use super::fetch::Ask;
use super::order::complete;

/// Some rows, and where the next ones begin: what [`Pages::fetch_page`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows, in order.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` where no row stood behind these when they were read.
    pub next: Option<PageToken<T>>,
}

/// The rows that a [`Find`] asks for, page by page; made by [`Find::pages`].
#[must_use = "nothing is asked until a page is fetched"]
pub struct Pages<'q, H, T: ?Sized> {
    pub(super) on: H,
    pub(super) ask: Ask<'q, T>,
}

impl<'q, H: Handle, T: PrimaryKey> Find<'q, H, T> {
    /// The rows in pages of `size`, each found by the values of the last row before it, so that a far page costs what
    /// the first one does.
    ///
    /// The order is that of [`order_by`](Find::order_by), and behind it the primary key, which is appended in the
    /// direction of the last column: rows that are equal in what they are sorted by are neither read twice nor lost.
    /// Without an order it is the key, ascending; for the key descending sort by its first column so. A row that is
    /// inserted or deleted between two pages is on a later page, or is not, and moves no other row; one whose sorted
    /// columns change may be read twice or not at all.
    ///
    /// Where all columns of the order go in one direction and none can be NULL, the server sees a comparison of rows,
    /// `("city", "icao") > ($1, $2)`, which an index on these columns serves, as the primary key's does where it is the
    /// order. Else the comparison is spelled out, column after column, with NULL where the order has it: an index on
    /// the first column still serves its part. A column whose field is no `Option` is taken to hold no NULL; rows that
    /// hold one all the same may be left out. The text depends on the order, and on which values of a token are NULL.
    ///
    /// A [`limit`](Find::limit) or [`offset`](Find::offset) is refused beside it.
    ///
    /// # Examples
    /// ```no_run
    /// # use std::num::NonZeroUsize;
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db, token: Option<&str>) -> pgrepo::Result<()> {
    /// const SIZE: NonZeroUsize = NonZeroUsize::new(50).unwrap();
    /// // The text that the page before gave, if this is not the first one.
    /// let after = token.map(str::parse).transpose()?;
    /// let high = db.repository::<Airport>().find(Airport::ELEVATION_FT.gt(8_000.0));
    /// let page = high.order_by(Airport::CITY.asc()).pages(SIZE).after(after).fetch_page().await?;
    /// let link = page.next.map(|next| format!("/airports?after={next}"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages(self, size: NonZeroUsize) -> Pages<'q, H, T> {
        let Self { on, mut select } = self;
        complete(&mut select.order);
        Pages { on, ask: Ask { select, size: size.get(), after: None } }
    }
}

impl<H: Handle, T: PrimaryKey> Pages<'_, H, T> {
    /// Begins behind the page that gave the token, instead of at the first row; `None` is the first row.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # use std::num::NonZeroUsize;
    /// # async fn example(db: &pgrepo::Db, token: Option<&str>) -> pgrepo::Result<()> {
    /// const SIZE: NonZeroUsize = NonZeroUsize::new(50).unwrap();
    /// let after = token.map(str::parse).transpose()?;
    /// let page = db.repository::<Airport>().all().pages(SIZE).after(after).fetch_page().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn after(mut self, token: Option<PageToken<T>>) -> Self {
        self.ask.after = token;
        self
    }

    /// The statement's text, with `$1`, `$2`, … where values are bound.
    ///
    /// # Errors
    /// [`ErrorKind::Token`](crate::ErrorKind::Token): the token is of another order or schema.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # use std::num::NonZeroUsize;
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// const SIZE: NonZeroUsize = NonZeroUsize::new(50).unwrap();
    /// let first = db.repository::<Airport>().all().order_by(Airport::CITY.asc()).pages(SIZE).sql()?;
    /// assert!(first.ends_with(r#"FROM "airports" ORDER BY "city", "icao" LIMIT $1"#));
    /// # Ok(())
    /// # }
    /// ```
    pub fn sql(&self) -> Result<String> {
        self.ask.sql(self.on.schema())
    }

    /// The statement behind a row of which only is known which of its values are NULL.
    #[cfg(test)]
    pub(in crate::query) fn sql_behind(mut self, nulls: &[bool]) -> String {
        let order = super::order::Order::of(&self.ask.select.order).fingerprint;
        let place = crate::table::Place::of::<T>(self.on.schema());
        self.ask.after = Some(PageToken::of_nulls(&place, order, nulls));
        self.sql().unwrap()
    }

    /// Fetches the page. It asks for one row more, by which it knows whether there is a next page.
    ///
    /// # Errors
    /// [`ErrorKind::Token`](crate::ErrorKind::Token): the token is of another order or schema, or its values are none of
    /// the columns' types; else as [`Find::fetch_all`].
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # use std::num::NonZeroUsize;
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// const SIZE: NonZeroUsize = NonZeroUsize::new(50).unwrap();
    /// let pages = || db.repository::<Airport>().all().pages(SIZE);
    /// let first = pages().fetch_page().await?;
    /// if first.next.is_some() {
    ///     let second = pages().after(first.next).fetch_page().await?;
    ///     println!("{} more", second.rows.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_page(self) -> Result<Page<T>>
    where
        T: OwnedRow,
    {
        self.ask.page(self.on, "fetch_page").await
    }

    /// The server's plan for the page: see [`Find::explain`].
    ///
    /// # Errors
    /// As [`fetch_page`](Self::fetch_page).
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # use std::num::NonZeroUsize;
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// const SIZE: NonZeroUsize = NonZeroUsize::new(50).unwrap();
    /// println!("{}", db.repository::<Airport>().all().pages(SIZE).explain().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain(self) -> Result<String> {
        self.ask.explain(self.on).await
    }
}

impl<H, T: ?Sized> fmt::Debug for Pages<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("ask", &self.ask).finish_non_exhaustive()
    }
}

impl<T: ?Sized> fmt::Debug for Ask<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { select, size, after } = self;
        f.debug_struct("Ask")
            .field("select", select as &Select<'_, T>)
            .field("size", size)
            .field("after", after)
            .finish()
    }
}
