use std::pin::pin;

use crate::copy::{CopyIn, CopyInOptions, is_secured};
use crate::error::Result;
use crate::observe;
use crate::pool::{Handle, Lender};
use crate::query;
use crate::table::{ConflictTarget, PgTable, Place, PrimaryKey, WriteRow};
use crate::tx::Tx;

use super::Repository;
use super::write::key;

/// From so many rows on they go by COPY: it is about as fast there, faster from some thousand rows on
/// (`docs/benchmarks.md`), and takes no more memory for more rows.
const CROSSOVER: usize = 256;

const INSERT_MANY: &str = "insert_many";

impl<H: Handle, T: PgTable> Repository<H, T> {
    /// Inserts rows, all or none, and returns their number.
    ///
    /// Up to 255 rows, and a MiB, go by one `INSERT` with all rows in one parameter; more are loaded as by
    /// [`copy_in`](Self::copy_in). What is refused, and what is left to the server, is the same either way: identity
    /// columns are numbered by the server, and all rows agree on which fields are [`Set::Server`](crate::Set). A source
    /// without rows sends nothing.
    ///
    /// Under row-level security, where the server takes no COPY
    /// (<https://www.postgresql.org/docs/current/sql-copy.html>), more rows go by such statements too, 256 at a time, in a
    /// transaction of their own or under a savepoint; at each row the server asks the policies.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table.
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode): a value cannot be sent; row, field and reason are named. Else
    /// what the server refused: [`ErrorKind::Query`](crate::ErrorKind::Query) of a statement,
    /// [`ErrorKind::Copy`](crate::ErrorKind::Copy) of a COPY, which also names the row where the server does. In a
    /// transaction a refused statement aborts it, and many rows, which have a savepoint, do not: count on neither.
    ///
    /// # Cancel safety
    /// A dropped future leaves all rows or none behind; which, is unknown. In a transaction it leaves none, and that
    /// unusable.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "lines")]
    /// # struct Line { #[pg(primary_key)] id: i32, text: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let lines = (0..10).map(|id| Line { id, text: format!("line {id}") });
    /// assert_eq!(db.repository::<Line>().insert_many(lines).await?, 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_many<R, I>(self, rows: I) -> Result<u64>
    where
        R: WriteRow<Table = T> + Send + Sync,
        I: IntoIterator<Item = R>,
    {
        let place = self.place();
        let told = self.on.observe(INSERT_MANY, place.subject());
        told.watch(pin!(self.insert_them(&place, rows))).await
    }

    async fn insert_them<R, I>(mut self, place: &Place, rows: I) -> Result<u64>
    where
        R: WriteRow<Table = T> + Send + Sync,
        I: IntoIterator<Item = R>,
    {
        let mut rows = rows.into_iter();
        let first: Vec<R> = rows.by_ref().take(CROSSOVER).collect();
        if first.is_empty() {
            return Ok(0);
        }
        if first.len() < CROSSOVER {
            let inserted = query::insert_many(self.on.reborrow(), place, INSERT_MANY, &first).await;
            if let Some(count) = inserted.map_err(|e| place.blame(e))? {
                return Ok(count);
            }
        }
        let mut copy = CopyIn::during(INSERT_MANY, self.on.reborrow(), CopyInOptions::default());
        if let Some(row) = first.first() {
            match copy.begin(row).await {
                Err(error) if is_secured(&error) => {
                    drop(copy);
                    return by_statements(self.on, place, &first, rows).await.map_err(|e| place.blame(e));
                }
                begun => begun?,
            }
        }
        for row in first.into_iter().chain(rows) {
            copy.send(&row).await?;
        }
        Ok(copy.finish().await?.rows)
    }

    /// Inserts the rows whose key is not there yet, and says of each row, in their order, whether it was new. Of rows
    /// with the same key the first is.
    ///
    /// One statement with all rows in one parameter, so they take up to 1 GiB.
    ///
    /// # Errors
    /// As [`insert_many`](Self::insert_many), but for conflicts on the key; those on another unique set are errors.
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch) too when the rows do not write the key: one that the server
    /// numbers is always new, so name another set with [`insert_many_new_on`](Self::insert_many_new_on).
    ///
    /// # Cancel safety
    /// As [`insert_many`](Self::insert_many).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db, users: &[User]) -> pgrepo::Result<()> {
    /// let new = db.repository::<User>().insert_many_new(users).await?;
    /// for (user, _) in users.iter().zip(new).filter(|(_, new)| *new) {
    ///     println!("{} is new", user.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_many_new<R, I>(self, rows: I) -> Result<Vec<bool>>
    where
        T: PrimaryKey,
        R: WriteRow<Table = T> + Send + Sync,
        I: IntoIterator<Item = R>,
    {
        let place = self.place();
        let rows: Vec<R> = rows.into_iter().collect();
        let (told, key) = (self.on.observe("insert_many_new", place.subject()), key::<T>());
        let new = pin!(query::insert_many_new(self.on, &place, "insert_many_new", &key, &rows));
        told.watch(new).await.map_err(|e| place.blame(e))
    }

    /// Inserts the rows that are not in conflict on a unique set of columns, and says of each row, in their order,
    /// whether it was new.
    ///
    /// # Errors
    /// As [`insert_many_new`](Self::insert_many_new).
    ///
    /// # Cancel safety
    /// As [`insert_many`](Self::insert_many).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<NewUser>) -> pgrepo::Result<()> {
    /// let new = db.repository::<User>().insert_many_new_on(User::UNIQUE_EMAIL, users).await?;
    /// println!("{} of {} are new", new.iter().filter(|new| **new).count(), new.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_many_new_on<C, R, I>(self, set: C, rows: I) -> Result<Vec<bool>>
    where
        C: ConflictTarget<T>,
        R: WriteRow<Table = T> + Send + Sync,
        I: IntoIterator<Item = R>,
    {
        let place = self.place();
        let rows: Vec<R> = rows.into_iter().collect();
        let told = self.on.observe("insert_many_new_on", place.subject());
        let new = pin!(query::insert_many_new(self.on, &place, "insert_many_new_on", set.columns(), &rows));
        told.watch(new).await.map_err(|e| place.blame(e))
    }
}

/// Inserts many rows by statements, all or none.
async fn by_statements<H, R>(on: H, place: &Place, first: &[R], rest: impl Iterator<Item = R>) -> Result<u64>
where
    H: Handle,
    R: WriteRow + Send + Sync,
{
    match on.lend() {
        Lender::Db(db) => {
            let mut tx = db.begin().await?;
            match parts(&mut tx, place, first, rest).await {
                Ok(count) => {
                    // So that a COMMIT that is not answered is found out about, as that of a COPY is.
                    tx.id().await?;
                    tx.commit().await.map(|()| count)
                }
                Err(error) => {
                    // Should this fail, the connection is closed, which rolls back as well.
                    let _closed = tx.rollback().await;
                    Err(error)
                }
            }
        }
        Lender::Tx(tx) => {
            let mut savepoint = tx.begin_savepoint().await?;
            match parts(&mut savepoint, place, first, rest).await {
                Ok(count) => savepoint.release().await.map(|()| count),
                Err(error) => {
                    // Should this fail, the connection is closed, and nothing of the transaction takes effect.
                    let _unusable = savepoint.rollback().await;
                    Err(error)
                }
            }
        }
        Lender::Refused(error) => Err(error),
    }
    .inspect(|count| observe::rows(0, *count))
    .map_err(|e| e.during(INSERT_MANY))
}

async fn parts<R>(tx: &mut Tx, place: &Place, first: &[R], mut rest: impl Iterator<Item = R>) -> Result<u64>
where
    R: WriteRow + Send + Sync,
{
    let Some(model) = first.first() else { return Ok(0) };
    let mut count = query::insert_part(&mut *tx, place, INSERT_MANY, model, 0, first).await?;
    let mut before = first.len() as u64;
    loop {
        let rows: Vec<R> = rest.by_ref().take(CROSSOVER).collect();
        if rows.is_empty() {
            return Ok(count);
        }
        count += query::insert_part(&mut *tx, place, INSERT_MANY, model, before, &rows).await?;
        before += rows.len() as u64;
    }
}
