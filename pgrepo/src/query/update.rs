//! Updates: of the row that a struct is, and of those that meet a condition.

use std::fmt;
use std::pin::pin;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::Handle;
use crate::table::{Name, OwnedRow, PgTable, Place, PrimaryKey, WriteRow};

use super::assignment::Assignment;
use super::explained::{Explain, explained};
use super::written::Written;
use super::{Filter, Text, open};

const OPERATION: &str = "update_where";

/// Writes a row over the one with its key, and returns it as it is then, if there is one.
pub(crate) async fn update<H, T, R>(mut on: H, place: &Place, operation: &'static str, row: &R) -> Result<Option<T>>
where
    H: Handle,
    T: PrimaryKey + OwnedRow,
    R: WriteRow<Table = T> + Sync,
{
    let version = T::SPECS.iter().find(|s| s.version);
    let written = Written::new(row, |spec| !spec.identity || spec.primary_key)?;
    let keys = || T::SPECS.iter().filter(|s| s.primary_key);
    written.sends(keys().chain(version).map(|s| &s.name))?;

    let mut text = Text::new(format!("UPDATE {} SET ", place.quoted()));
    let start = text.sql.len();
    let plain = written.columns().filter(|(s, _)| !s.primary_key && !s.version);
    text.equal(plain.map(|(spec, number)| (&spec.name, number)), ", ");
    if let Some(version) = version {
        text.push(if text.sql.len() == start { "" } else { ", " });
        text.next_version(&version.name);
    }
    let by = || written.columns().filter(|(s, _)| s.primary_key).map(|(spec, number)| (&spec.name, number));
    if text.sql.len() == start {
        // The row is the key alone: it is written as it is, so that it is returned.
        text.equal(by(), ", ");
    }
    text.push(" WHERE ");
    text.equal(by(), " AND ");
    let of_version = written.columns().find(|(s, _)| s.version);
    if let Some((spec, number)) = of_version {
        text.push(" AND ");
        text.equal([(&spec.name, number)], "");
    }
    text.returning(T::SPECS);
    let run = open(on.reborrow(), operation, &text.sql, &written, Some(T::FIELDS)).await?;
    let updated = run.at_most_one().await?;
    let (None, Some((spec, _))) = (&updated, of_version) else { return Ok(updated) };

    let key = Written::new(row, |spec| spec.primary_key)?;
    let mut text = Text::new(format!("SELECT FROM {} WHERE ", place.quoted()));
    text.equal(key.columns().map(|(spec, number)| (&spec.name, number)), " AND ");
    let there = open(on, operation, &text.sql, &key, None).await?.aside().count().await?;
    if there == 0 { Ok(None) } else { Err(stale(&spec.name, keys().map(|s| s.name)).during(operation)) }
}

#[cold]
fn stale(version: &Name, keys: impl Iterator<Item = Name>) -> Error {
    let keys = keys.map(|name| name.to_string()).collect::<Vec<_>>().join(", ");
    let message = format!(
        "the row with this key ({keys}) has another version by now: somebody changed it after it was read, and nothing \
         was written; get it again, repeat the change and update it then"
    );
    Error::new(ErrorKind::Conflict, message).at_column(version)
}

impl<'f, 'q> Text<'f, 'q> {
    /// Appends `version = version + 1`, the table's own at the right.
    pub(super) fn next_version(&mut self, name: &Name) {
        self.column(name);
        self.push(" = ");
        self.column(name);
        self.push(" + 1");
    }

    /// Appends ` SET …`, and the next version of a row that has one and is not given it.
    pub(crate) fn changes<T: PgTable>(&mut self, all: &'f [Assignment<'q, T>]) {
        self.assignments(all);
        let version = T::SPECS.iter().find(|s| s.version);
        if let Some(version) = version.filter(|v| !all.iter().any(|a| *a.column() == v.name)) {
            self.push(", ");
            self.next_version(&version.name);
        }
    }
}

/// Rows of one table to be updated: a condition, and new values.
#[must_use = "nothing is updated until it is executed"]
pub struct Update<'q, H, T: ?Sized> {
    on: H,
    filter: Filter<'q, T>,
    set: Vec<Assignment<'q, T>>,
}

impl<'q, H: Handle, T: PgTable> Update<'q, H, T> {
    pub(crate) fn new(on: H, filter: Filter<'q, T>) -> Self {
        Self { on, filter, set: Vec::new() }
    }

    /// Gives a column a new value, beside those given before.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// users.update_where(User::AGE.gt(120)).set(User::AGE.set(None)).set(User::NAME.set("?")).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set(mut self, assignment: Assignment<'q, T>) -> Self {
        self.set.push(assignment);
        self
    }

    /// The statement's text, with `$1`, `$2`, … where values are bound.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let rename = db.repository::<User>().update_where(User::ID.eq(1)).set(User::NAME.set("Ann"));
    /// assert_eq!(rename.sql(), r#"UPDATE "users" SET "name" = $1 WHERE "id" = $2"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sql(&self) -> String {
        text(&Place::of::<T>(self.on.schema()), &self.set, &self.filter).sql
    }

    /// The server's plan for the statement, with the values that are bound, as EXPLAIN prints it
    /// (<https://www.postgresql.org/docs/current/using-explain.html>). Nothing is updated.
    ///
    /// # Errors
    /// No column is given a value; else what the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes its connection.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let airports = db.repository::<Airport>();
    /// println!("{}", airports.update_where(Airport::ELEVATION_FT.lt(-2_000.0)).set(Airport::CITY.set(None)).explain().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain(self) -> Result<String> {
        let place = Place::of::<T>(self.on.schema());
        if self.set.is_empty() {
            return Err(without_values(&place));
        }
        let text = text(&place, &self.set, &self.filter);
        explained(self.on, Explain::Plan, &place, &text.sql, &text.params).await
    }

    /// Updates the rows, and returns how many there were.
    ///
    /// # Errors
    /// No column is given a value; [`ErrorKind::Mismatch`]: a value does not fit its column; else what the server
    /// refused.
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
    /// let users = db.repository::<User>();
    /// let updated = users.update_where(User::AGE.lt(0)).set(User::AGE.set(None)).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute(self) -> Result<u64> {
        let place = Place::of::<T>(self.on.schema());
        if self.set.is_empty() {
            return Err(without_values(&place));
        }
        let text = text(&place, &self.set, &self.filter);
        let told = self.on.observe(OPERATION, place.subject());
        let ended = pin!(async { open(self.on, OPERATION, &text.sql, &text.params, None).await?.count().await });
        told.watch(ended).await.map_err(|e| place.blame(e))
    }

    /// Updates the rows, and returns them as they are then.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`ErrorKind::Decode`]: a value does not fit its field, after the rows were
    /// updated.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// for user in users.update_where(User::AGE.lt(0)).set(User::AGE.set(None)).fetch_all().await? {
    ///     println!("{} has no age any more", user.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_all(self) -> Result<Vec<T>>
    where
        T: OwnedRow,
    {
        let place = Place::of::<T>(self.on.schema());
        if self.set.is_empty() {
            return Err(without_values(&place));
        }
        let mut text = text(&place, &self.set, &self.filter);
        text.returning(T::SPECS);
        let told = self.on.observe(OPERATION, place.subject());
        let ended =
            pin!(async { open(self.on, OPERATION, &text.sql, &text.params, Some(T::FIELDS)).await?.all().await });
        told.watch(ended).await.map_err(|e| place.blame(e))
    }
}

fn text<'f, 'q, T: PgTable>(place: &Place, set: &'f [Assignment<'q, T>], filter: &'f Filter<'q, T>) -> Text<'f, 'q> {
    let mut text = Text::new(format!("UPDATE {}", place.quoted()));
    text.changes(set);
    text.filter(filter);
    text
}

#[cold]
fn without_values(place: &Place) -> Error {
    let message = "no column is given a value: call set() with an assignment, as User::NAME.set(…)";
    place.blame(Error::new(ErrorKind::Query, message).during(OPERATION))
}

impl<H, T: ?Sized> fmt::Debug for Update<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").field("set", &self.set).field("filter", &self.filter).finish_non_exhaustive()
    }
}
