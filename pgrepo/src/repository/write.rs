use std::pin::pin;

use crate::error::Result;
use crate::pool::Handle;
use crate::query::{self, Delete, Filter, Update, Upserted};
use crate::table::{ConflictTarget, Name, OwnedRow, PgTable, PrimaryKey, WriteRow};

use super::Repository;

impl<H: Handle, T: PgTable> Repository<H, T> {
    /// Inserts a row, and returns it with what the server filled in.
    ///
    /// Identity columns are numbered by the server; fields that are [`Set::Server`](crate::Set) get their defaults. The
    /// row may be the table's own struct, its `New…` struct, or one with [`PgInsert`](macro@crate::PgInsert).
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table.
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode): a value cannot be sent; its field is named. Else what the server
    /// refused: see [`Error::is_unique_violation`](crate::Error::is_unique_violation).
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable, Set};
    /// #[derive(PgTable)]
    /// #[pg(table = "users", new = "NewUser")]
    /// struct User {
    ///     #[pg(primary_key, identity)]
    ///     id: i64,
    ///     name: String,
    ///     #[pg(default)]
    ///     rank: i32,
    /// }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let ann = db.repository::<User>().insert(NewUser { name: "Ann".into(), rank: Set::Server }).await?;
    /// println!("{} has the number {} and the rank {}", ann.name, ann.id, ann.rank);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert<R>(self, row: R) -> Result<T>
    where
        T: OwnedRow,
        R: WriteRow<Table = T> + Sync,
    {
        let place = self.place();
        let told = self.on.observe("insert", place.subject());
        let inserted = pin!(async {
            let inserted = query::insert(self.on, &place, "insert", &row, "").await?;
            inserted.ok_or_else(|| query::no_row("insert"))
        });
        told.watch(inserted).await.map_err(|e| place.blame(e))
    }

    /// Inserts a row unless it is in conflict with one that is there, on any unique set of columns; returns the row if
    /// it was new.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), but for the conflict.
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let ann = User { id: 1, name: "Ann".into(), age: Some(28) };
    /// if db.repository::<User>().insert_new(ann).await?.is_none() {
    ///     println!("she was there");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_new<R>(self, row: R) -> Result<Option<T>>
    where
        T: OwnedRow,
        R: WriteRow<Table = T> + Sync,
    {
        let place = self.place();
        let told = self.on.observe("insert_new", place.subject());
        let inserted = pin!(query::insert(self.on, &place, "insert_new", &row, " ON CONFLICT DO NOTHING"));
        told.watch(inserted).await.map_err(|e| place.blame(e))
    }

    /// Writes a row over the one with its key, and returns it as it is then; `None` where there is no such row.
    ///
    /// All columns that the row has are written, but for the key, identity and generated ones, and fields that are
    /// [`Set::Server`](crate::Set), which keep their values. Where a column is marked `#[pg(version)]`, the row is
    /// written only if it still has the version that was read, and then gets the next one.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch) too when the row type does not
    /// write the key, or the version; [`ErrorKind::Conflict`](crate::ErrorKind::Conflict): the row was changed since it
    /// was read, and nothing was written.
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, ErrorKind, PgTable};
    /// #[derive(PgTable)]
    /// #[pg(table = "pages")]
    /// struct Page {
    ///     #[pg(primary_key)]
    ///     path: String,
    ///     text: String,
    ///     #[pg(version)]
    ///     version: i32,
    /// }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let pages = db.repository::<Page>();
    /// if let Some(mut page) = pages.get("/").await? {
    ///     page.text.push('!');
    ///     match pages.update(&page).await {
    ///         Ok(Some(page)) => println!("version {}", page.version),
    ///         Ok(None) => println!("it was deleted"),
    ///         Err(e) if e.kind() == ErrorKind::Conflict => println!("somebody else was faster"),
    ///         Err(e) => return Err(e),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update<R>(self, row: R) -> Result<Option<T>>
    where
        T: PrimaryKey + OwnedRow,
        R: WriteRow<Table = T> + Sync,
    {
        let place = self.place();
        let told = self.on.observe("update", place.subject());
        told.watch(pin!(query::update(self.on, &place, "update", &row))).await.map_err(|e| place.blame(e))
    }

    /// Updates the rows that meet a condition: see [`Update`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, rank: i32, motto: Option<String> }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// let update = users.update_where(User::RANK.lt(3)).set(User::RANK.set(3)).set(User::MOTTO.set(None));
    /// assert_eq!(update.sql(), r#"UPDATE "users" SET "rank" = $1, "motto" = $2 WHERE "rank" < $3"#);
    /// println!("{} users", update.execute().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_where<'q>(self, filter: Filter<'q, T>) -> Update<'q, H, T>
    where
        T: WriteRow,
    {
        Update::new(self.on, filter)
    }

    /// Deletes the rows that meet a condition: see [`Delete`].
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, rank: i32 }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let gone: Vec<User> = db.repository::<User>().delete_where(User::RANK.lt(3)).fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_where<'q>(self, filter: Filter<'q, T>) -> Delete<'q, H, T>
    where
        T: WriteRow,
    {
        Delete::new(self.on, filter)
    }

    /// Inserts a row, or updates the one with its key; returns it as it is then, and whether it was inserted.
    ///
    /// An update writes what the row writes, but for the key, identity columns and fields that are
    /// [`Set::Server`](crate::Set), which keep their values; a `#[pg(version)]` is counted up and not compared. A key
    /// that is an identity column is stored as the row has it, also where the server says that it always numbers.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), but for the conflict; [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch) too when
    /// the row type does not write the key.
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let ann = User { id: 1, name: "Ann".into(), age: Some(28) };
    /// let stored = db.repository::<User>().upsert(ann).await?;
    /// println!("{}: {}", if stored.inserted { "new" } else { "updated" }, stored.row.name);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn upsert<R>(self, row: R) -> Result<Upserted<T>>
    where
        T: PrimaryKey + OwnedRow,
        R: WriteRow<Table = T> + Sync,
    {
        let place = self.place();
        let (told, key) = (self.on.observe("upsert", place.subject()), key::<T>());
        told.watch(pin!(query::upsert(self.on, &place, "upsert", &key, &row))).await.map_err(|e| place.blame(e))
    }

    /// Inserts a row, or updates the one that has the same values in a unique set of columns.
    ///
    /// The primary key of a row that is there is kept. Another conflict than on this set is an error.
    ///
    /// # Errors
    /// As [`upsert`](Self::upsert); where the table has no unique constraint or index on just these columns, the server
    /// refuses (42P10).
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// #[derive(PgTable)]
    /// #[pg(table = "users", new = "NewUser", unique = "email")]
    /// struct User {
    ///     #[pg(primary_key, identity)]
    ///     id: i64,
    ///     email: String,
    ///     name: String,
    /// }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let ann = NewUser { email: "ann@example.org".into(), name: "Ann".into() };
    /// let ann = db.repository::<User>().upsert_on(User::UNIQUE_EMAIL, ann).await?;
    /// println!("{} was {}", ann.row.id, if ann.inserted { "inserted" } else { "updated" });
    /// # Ok(())
    /// # }
    /// ```
    pub async fn upsert_on<C, R>(self, set: C, row: R) -> Result<Upserted<T>>
    where
        T: OwnedRow,
        C: ConflictTarget<T>,
        R: WriteRow<Table = T> + Sync,
    {
        let place = self.place();
        let told = self.on.observe("upsert_on", place.subject());
        let upserted = pin!(query::upsert(self.on, &place, "upsert_on", set.columns(), &row));
        told.watch(upserted).await.map_err(|e| place.blame(e))
    }
}

/// The key's columns.
pub(super) fn key<T: PrimaryKey>() -> Vec<Name> {
    T::SPECS.iter().filter(|s| s.primary_key).map(|s| s.name).collect()
}
