use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::Result;
use crate::pool::Handle;
use crate::table::{OwnedRow, PrimaryKey};

use super::{Page, Pages};

impl<'q, H: Handle, T: PrimaryKey + OwnedRow> Pages<'q, H, T> {
    /// All rows from here on, one by one, read a page at a time.
    ///
    /// No connection is held between two pages, and no snapshot: a reader may take its time over each row, and sees
    /// what was committed when the row's page was read. In a transaction each page is read in it.
    ///
    /// # Errors
    /// As [`fetch_page`](Self::fetch_page), in the stream, which ends with it.
    ///
    /// # Cancel safety
    /// Dropped between two pages the stream leaves nothing behind; while it reads one, it closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # use std::num::NonZeroUsize;
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use futures_util::TryStreamExt;
    /// const SIZE: NonZeroUsize = NonZeroUsize::new(1000).unwrap();
    /// let mut airports = db.repository::<Airport>().all().pages(SIZE).stream();
    /// while let Some(airport) = airports.try_next().await? {
    ///     println!("{}", airport.icao);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<'s>(self) -> impl Stream<Item = Result<T>> + Send + Unpin + use<'s, 'q, H, T>
    where
        H: 's,
        T: 's,
        'q: 's,
    {
        self.scan("stream").map_ok(|page| stream::iter(page.rows).map(Ok)).try_flatten().boxed()
    }

    /// All pages from here on, one by one, each with the token to go on from, which may be kept for the case that the
    /// program ends meanwhile.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    ///
    /// # Cancel safety
    /// As [`stream`](Self::stream).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # use std::num::NonZeroUsize;
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use futures_util::TryStreamExt;
    /// const SIZE: NonZeroUsize = NonZeroUsize::new(1000).unwrap();
    /// let mut pages = db.repository::<Airport>().all().pages(SIZE).stream_pages();
    /// while let Some(page) = pages.try_next().await? {
    ///     // … the rows are dealt with …
    ///     println!("{} rows; go on from {:?}", page.rows.len(), page.next.map(|token| token.to_string()));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream_pages<'s>(self) -> impl Stream<Item = Result<Page<T>>> + Send + Unpin + use<'s, 'q, H, T>
    where
        H: 's,
        T: 's,
        'q: 's,
    {
        self.scan("stream_pages").boxed()
    }

    fn scan(self, operation: &'static str) -> impl Stream<Item = Result<Page<T>>> + Send + use<'q, H, T> {
        let Self { mut on, mut ask } = self;
        async_stream::try_stream! {
            loop {
                let page = ask.page(on.reborrow(), operation).await?;
                ask.after.clone_from(&page.next);
                let more = page.next.is_some();
                yield page;
                if !more {
                    break;
                }
            }
        }
    }
}
