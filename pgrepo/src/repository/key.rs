use std::pin::pin;

use crate::error::Result;
use crate::pool::Handle;
use crate::query::{Changes, Text, get_many, open, open_again};
use crate::table::{KeyArg, OwnedRow, PgTable, PrimaryKey, WriteRow, sql};

use super::Repository;

impl<H: Handle, T: PgTable> Repository<H, T> {
    /// The row with the key, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table; else what the server
    /// refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// if let Some(user) = db.repository::<User>().get(1).await? {
    ///     println!("{}", user.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get(self, key: impl KeyArg<T::Key>) -> Result<Option<T>>
    where
        T: PrimaryKey + OwnedRow,
    {
        const OPERATION: &str = "get";
        let key = key.values();
        let place = self.place();
        let sql = place.statement::<T>(T::SELECT_BY_KEY, sql::select_by_key);
        let told = self.on.observe(OPERATION, place.subject());
        let got = pin!(async {
            let run = open_again(self.on, OPERATION, &sql, &key, Some(T::FIELDS)).await?;
            run.at_most_one().await
        });
        told.watch(got).await.map_err(|e| place.blame(e))
    }

    /// The rows with the keys, each in its key's place, `None` where there is no such row; a key may come twice.
    ///
    /// The keys are bound as one array for each of the key's columns, so there may be any number of them.
    ///
    /// # Errors
    /// As [`get`](Self::get); a key that cannot be sent is named by its place.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "places")]
    /// # struct Place { #[pg(primary_key)] org: i32, #[pg(primary_key)] name: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let places = db.repository::<Place>().get_many([(1, "door"), (1, "gate")]).await?;
    /// assert_eq!(places.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_many<K, I>(self, keys: I) -> Result<Vec<Option<T>>>
    where
        T: PrimaryKey + OwnedRow,
        K: KeyArg<T::Key> + Send + Sync,
        I: IntoIterator<Item = K>,
    {
        let place = self.place();
        let keys: Vec<K> = keys.into_iter().collect();
        let told = self.on.observe("get_many", place.subject());
        told.watch(pin!(get_many(self.on, &place, "get_many", &keys))).await.map_err(|e| place.blame(e))
    }

    /// Gives columns of the row with the key new values; says whether there is such a row.
    ///
    /// The changes are assignments, `[User::NAME.set("Bo")]`, or a struct with [`PgPatch`](macro@crate::PgPatch), of which
    /// a field that is `None` leaves its column as it is. Without any change nothing is written, and the answer is the
    /// same. A column marked `#[pg(version)]` is counted up, unless it is given a value.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): a value does not fit its column; else what the server
    /// refused.
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgPatch, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, motto: Option<String> }
    /// #[derive(Default, PgPatch)]
    /// #[pg(of = User)]
    /// struct UserPatch {
    ///     name: Option<String>,
    ///     motto: Option<Option<String>>,
    /// }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// users.patch(1, UserPatch { motto: Some(None), ..UserPatch::default() }).await?;
    /// users.patch(2, [User::NAME.set("Bo")]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn patch<'q>(self, key: impl KeyArg<T::Key>, changes: impl Changes<'q, T>) -> Result<bool>
    where
        T: PrimaryKey + WriteRow,
    {
        const OPERATION: &str = "patch";
        let place = self.place();
        let set = changes.assignments();
        let mut text = match set.is_empty() {
            true => Text::new(format!("SELECT FROM {}", place.quoted())),
            false => Text::new(format!("UPDATE {}", place.quoted())),
        };
        if !set.is_empty() {
            text.changes(&set);
        }
        for (i, (spec, value)) in T::SPECS.iter().filter(|s| s.primary_key).zip(key.values()).enumerate() {
            text.push(if i == 0 { " WHERE " } else { " AND " });
            text.column(&spec.name);
            text.push(" = ");
            text.param(value);
        }
        let told = self.on.observe(OPERATION, place.subject());
        let patched = pin!(async { open(self.on, OPERATION, &text.sql, &text.params, None).await?.count().await });
        told.watch(patched).await.map(|n| n > 0).map_err(|e| place.blame(e))
    }

    /// Deletes the row with the key; says whether there was one.
    ///
    /// # Errors
    /// What the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection; whether the statement took effect is then unknown, unless it runs in a
    /// transaction, which is rolled back.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let was_there = db.repository::<User>().delete(1).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete(self, key: impl KeyArg<T::Key>) -> Result<bool>
    where
        T: PrimaryKey + WriteRow,
    {
        const OPERATION: &str = "delete";
        let key = key.values();
        let place = self.place();
        let sql = place.statement::<T>(T::DELETE_BY_KEY, sql::delete_by_key);
        let told = self.on.observe(OPERATION, place.subject());
        let deleted = pin!(async { open(self.on, OPERATION, &sql, &key, None).await?.count().await });
        told.watch(deleted).await.map(|n| n > 0).map_err(|e| place.blame(e))
    }
}
