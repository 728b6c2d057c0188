//! The everyday methods of a table: a few lines each over queries and COPY.

use std::fmt;
use std::marker::PhantomData;

use crate::pool::{Handle, InSchema};
use crate::query::{Filter, Find};
use crate::table::{PgTable, Place};

mod copy;
mod key;
mod many;
mod merge;
mod write;

/// The rows of the table that `T` stands for, on a database or in a transaction.
///
/// On `&Db` it can be copied and kept; in a transaction ask for it anew each time: `tx.repository::<T>()`.
pub struct Repository<H, T: ?Sized> {
    on: H,
    of: PhantomData<fn() -> *const T>,
}

impl<H: Clone, T: ?Sized> Clone for Repository<H, T> {
    fn clone(&self) -> Self {
        Self { on: self.on.clone(), of: PhantomData }
    }
}

impl<H: Copy, T: ?Sized> Copy for Repository<H, T> {}

impl<H, T: PgTable + ?Sized> fmt::Debug for Repository<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", T::TABLE)
    }
}

impl<H: Handle, T: PgTable> Repository<H, T> {
    /// The rows on a database or in a transaction: what [`Db::repository`](crate::Db::repository) calls, for code that
    /// serves both.
    pub fn new(on: H) -> Self {
        Self { on, of: PhantomData }
    }

    /// The rows of the same table in another schema, whose name is quoted as it stands: one for each tenant, say.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "lines")]
    /// # struct Line { #[pg(primary_key)] id: i32 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let lines = db.repository::<Line>().in_schema("t42");
    /// assert_eq!(lines.all().sql(), r#"SELECT "id" FROM "t42"."lines""#);
    /// let first = lines.get(1).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_schema(self, schema: &str) -> Repository<InSchema<'_, H>, T> {
        Repository::new(InSchema::new(self.on, schema))
    }

    /// The rows that meet a condition, to be sorted, limited and fetched.
    pub fn find<'q>(self, filter: Filter<'q, T>) -> Find<'q, H, T> {
        Find::new(self.on, filter)
    }

    /// All rows, to be sorted, limited and fetched.
    pub fn all<'q>(self) -> Find<'q, H, T> {
        Find::new(self.on, Filter::all())
    }

    fn place(&self) -> Place {
        Place::of::<T>(self.on.schema())
    }
}
