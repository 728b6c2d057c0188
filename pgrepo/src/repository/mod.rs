//! The everyday methods of a table: a few lines each over queries and COPY.

use std::fmt;
use std::marker::PhantomData;

use crate::pool::{Handle, InSchema};
use crate::query::{Filter, Find};
use crate::table::{PgTable, Place};

mod copy;
mod delete;
mod key;
mod load;
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
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::{Handle, Repository, Result};
    ///
    /// async fn grown_up(on: impl Handle) -> Result<Vec<User>> {
    ///     Repository::<_, User>::new(on).find(User::AGE.ge(18)).fetch_all().await
    /// }
    /// let users = grown_up(db).await?;
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// let old = users.find(User::AGE.gt(80).or(User::AGE.is_null())).order_by(User::NAME.asc()).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn find<'q>(self, filter: Filter<'q, T>) -> Find<'q, H, T> {
        Find::new(self.on, filter)
    }

    /// All rows, to be sorted, limited and fetched.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let youngest = db.repository::<User>().all().order_by(User::AGE.asc()).limit(10).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn all<'q>(self) -> Find<'q, H, T> {
        Find::new(self.on, Filter::all())
    }

    fn place(&self) -> Place {
        Place::of::<T>(self.on.schema())
    }
}
