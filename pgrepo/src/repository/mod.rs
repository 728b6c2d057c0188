//! The everyday methods of a table: a few lines each over queries and COPY.

use std::fmt;
use std::marker::PhantomData;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Handle, InSchema};
use crate::query::{Assignment, Filter, Find, Text, open};
use crate::table::{KeyArg, OwnedRow, PgTable, Place, PrimaryKey, WriteRow, sql};

mod copy;

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

    /// The row with the key, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table; else what the server
    /// refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    pub async fn get(self, key: impl KeyArg<T::Key>) -> Result<Option<T>>
    where
        T: PrimaryKey + OwnedRow,
    {
        const OPERATION: &str = "get";
        let key = key.values();
        let place = self.place();
        let sql = place.statement::<T>(T::SELECT_BY_KEY, sql::select_by_key);
        let run = open(self.on, OPERATION, &sql, &key, Some(T::FIELDS)).await.map_err(|e| place.blame(e))?;
        run.at_most_one().await.map_err(|e| place.blame(e))
    }

    /// Gives columns of the row with the key new values; says whether there is such a row.
    ///
    /// # Errors
    /// No column is given a value, or what the server refused.
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    pub async fn patch<'q>(
        self,
        key: impl KeyArg<T::Key>,
        set: impl IntoIterator<Item = Assignment<'q, T>>,
    ) -> Result<bool>
    where
        T: PrimaryKey + WriteRow,
    {
        const OPERATION: &str = "patch";
        let place = self.place();
        let set: Vec<_> = set.into_iter().collect();
        if set.is_empty() {
            return Err(place.blame(Error::new(ErrorKind::Query, "no column is given a value").during(OPERATION)));
        }
        let mut text = Text::new(format!("UPDATE {}", place.quoted()));
        text.assignments(&set);
        for (i, (spec, value)) in T::SPECS.iter().filter(|s| s.primary_key).zip(key.values()).enumerate() {
            text.push(if i == 0 { " WHERE " } else { " AND " });
            text.column(&spec.name);
            text.push(" = ");
            text.param(value);
        }
        let run = open(self.on, OPERATION, &text.sql, &text.params, None).await.map_err(|e| place.blame(e))?;
        run.count().await.map(|n| n > 0).map_err(|e| place.blame(e))
    }

    /// Deletes the row with the key; says whether there was one.
    ///
    /// # Errors
    /// What the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection; whether the statement took effect is then unknown, unless it runs in a
    /// transaction, which is rolled back.
    pub async fn delete(self, key: impl KeyArg<T::Key>) -> Result<bool>
    where
        T: PrimaryKey + WriteRow,
    {
        const OPERATION: &str = "delete";
        let key = key.values();
        let place = self.place();
        let sql = place.statement::<T>(T::DELETE_BY_KEY, sql::delete_by_key);
        let run = open(self.on, OPERATION, &sql, &key, None).await.map_err(|e| place.blame(e))?;
        run.count().await.map(|n| n > 0).map_err(|e| place.blame(e))
    }

    fn place(&self) -> Place {
        Place::of::<T>(self.on.schema())
    }
}
