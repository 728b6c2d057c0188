use std::borrow::Cow;
use std::pin::pin;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::Handle;
use crate::query::{Text, open_again};
use crate::table::{Column, Name, OwnedRow, PgTable, Place};
use crate::value::Numeric;

use super::Find;

/// A column's type that has a least and a greatest value in PostgreSQL
/// (<https://www.postgresql.org/docs/current/functions-aggregate.html>): numbers, text, dates and times, enums, arrays
/// of these. The derive of enums implements it; for a newtype, implement it yourself.
#[diagnostic::on_unimplemented(
    message = "PostgreSQL has no `min` and `max` of `{Self}`",
    label = "the column is `{Self}`",
    note = "numbers, text, dates, times and enums have them; for a newtype around one implement `pgrepo::HasMinMax`"
)]
pub trait HasMinMax {
    /// The type of the least and the greatest value.
    type Value;
}

/// A column's type that PostgreSQL can add up. Implement it for a type of your own around a number.
#[diagnostic::on_unimplemented(
    message = "PostgreSQL has no `sum` of `{Self}`",
    label = "the column is `{Self}`",
    note = "numbers have one; for a type of your own around a number implement `pgrepo::HasSum`"
)]
pub trait HasSum {
    /// What the sum is: wider than the values where PostgreSQL widens it.
    type Sum;
}

/// A column's type that PostgreSQL has the average of. Implement it for a type of your own around a number.
#[diagnostic::on_unimplemented(
    message = "PostgreSQL has no `avg` of `{Self}`",
    label = "the column is `{Self}`",
    note = "numbers have one; for a type of your own around a number implement `pgrepo::HasAverage`"
)]
pub trait HasAverage {
    /// What the average is.
    type Average;
}

impl<V: HasMinMax> HasMinMax for Option<V> {
    type Value = V::Value;
}
impl<V: HasSum> HasSum for Option<V> {
    type Sum = V::Sum;
}
impl<V: HasAverage> HasAverage for Option<V> {
    type Average = V::Average;
}

macro_rules! sums {
    ($($value:ty: $sum:ty, $average:ty;)+) => {$(
        impl HasSum for $value { type Sum = $sum; }
        impl HasAverage for $value { type Average = $average; }
        impl HasMinMax for $value { type Value = $value; }
    )+};
}
sums! {
    i16: i64, Numeric;
    i32: i64, Numeric;
    i64: Numeric, Numeric;
    f32: f32, f64;
    f64: f64, f64;
    Numeric: Numeric, Numeric;
}
#[cfg(feature = "rust_decimal")]
sums! {
    rust_decimal::Decimal: rust_decimal::Decimal, rust_decimal::Decimal;
}

macro_rules! extremes {
    ($([$($g:tt)*] $value:ty as $owned:ty;)+) => {$(
        impl<$($g)*> HasMinMax for $value { type Value = $owned; }
    )+};
}
extremes! {
    [] u32 as u32;
    [] String as String;
    [] Box<str> as Box<str>;
    [] &str as String;
    [] Cow<'_, str> as String;
    [V: HasMinMax] Vec<V> as Vec<V>;
    [V: HasMinMax] Box<[V]> as Box<[V]>;
    [V: HasMinMax, const N: usize] [V; N] as [V; N];
}
#[cfg(feature = "chrono")]
extremes! {
    [] chrono::NaiveDate as chrono::NaiveDate;
    [] chrono::NaiveTime as chrono::NaiveTime;
    [] chrono::NaiveDateTime as chrono::NaiveDateTime;
    [Tz: chrono::TimeZone] chrono::DateTime<Tz> as chrono::DateTime<Tz>;
    [V] crate::value::Infinite<V> as crate::value::Infinite<V>;
}

/// What the server makes of all rows. Of rows that were [cut](Self::limit), made [distinct](Self::distinct) or locked it
/// is made of those that are left.
///
/// # Examples
/// ```no_run
/// # #[derive(pgrepo::PgTable)]
/// # #[pg(table = "airports")]
/// # struct Airport { icao: String, elevation_ft: f64 }
/// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
/// let airports = db.repository::<Airport>();
/// let high = airports.find(Airport::ELEVATION_FT.gt(8_000.0)).count().await?;
/// let highest: Option<f64> = airports.all().max(Airport::ELEVATION_FT).await?;
/// # Ok(())
/// # }
/// ```
impl<H: Handle, T: PgTable> Find<'_, H, T> {
    /// Counts the rows.
    ///
    /// # Errors
    /// What the server refused.
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
    /// let high = db.repository::<Airport>().find(Airport::ELEVATION_FT.gt(8_000.0)).count().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn count(self) -> Result<u64> {
        const OPERATION: &str = "count";
        let place = Place::of::<T>(self.on.schema());
        let count: i64 = self.aggregate(OPERATION, None).await?;
        u64::try_from(count).map_err(|e| {
            let message = format!("the server counted {count} rows");
            place.blame(Error::new(ErrorKind::Decode, message).during(OPERATION).caused_by(e))
        })
    }

    /// Says whether there is a row; the server looks for one only.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    ///
    /// # Cancel safety
    /// As [`count`](Self::count).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// if !db.repository::<Airport>().find(Airport::CITY.eq("La Paz")).exists().await? {
    ///     println!("nobody flies to La Paz");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn exists(self) -> Result<bool> {
        let place = Place::of::<T>(self.on.schema());
        let text = self.select.exists(&place);
        one(self.on, "exists", &text, &place).await
    }

    /// The least value of a column, NULL left out; `None` if there is none.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    ///
    /// # Cancel safety
    /// As [`count`](Self::count).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let lowest: Option<f64> = db.repository::<Airport>().all().min(Airport::ELEVATION_FT).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn min<V: HasMinMax, W>(self, column: Column<T, V, W>) -> Result<Option<V::Value>>
    where
        Option<V::Value>: OwnedRow,
    {
        self.aggregate("min", Some(column.name())).await
    }

    /// The greatest value of a column, NULL left out; `None` if there is none.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    ///
    /// # Cancel safety
    /// As [`count`](Self::count).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let highest: Option<f64> = db.repository::<Airport>().all().max(Airport::ELEVATION_FT).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn max<V: HasMinMax, W>(self, column: Column<T, V, W>) -> Result<Option<V::Value>>
    where
        Option<V::Value>: OwnedRow,
    {
        self.aggregate("max", Some(column.name())).await
    }

    /// The sum of a column's values, NULL left out; `None` if there is none, as PostgreSQL's is NULL then.
    ///
    /// It is an `i64` of `i16` and `i32`, a [`Numeric`] of `i64`, else of the column's type.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    ///
    /// # Cancel safety
    /// As [`count`](Self::count).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let years: Option<i64> = db.repository::<User>().all().sum(User::AGE).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sum<V: HasSum, W>(self, column: Column<T, V, W>) -> Result<Option<V::Sum>>
    where
        Option<V::Sum>: OwnedRow,
    {
        self.aggregate("sum", Some(column.name())).await
    }

    /// The average of a column's values, NULL left out; `None` if there is none.
    ///
    /// It is a [`Numeric`] of integers, an `f64` of floats, else of the column's type.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    ///
    /// # Cancel safety
    /// As [`count`](Self::count).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let average: Option<f64> = db.repository::<Airport>().all().avg(Airport::ELEVATION_FT).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn avg<V: HasAverage, W>(self, column: Column<T, V, W>) -> Result<Option<V::Average>>
    where
        Option<V::Average>: OwnedRow,
    {
        self.aggregate("avg", Some(column.name())).await
    }

    async fn aggregate<V: OwnedRow>(self, function: &'static str, column: Option<Name>) -> Result<V> {
        let place = Place::of::<T>(self.on.schema());
        let text = self.select.aggregate(&place, function, column);
        one(self.on, function, &text, &place).await
    }
}

/// Reads the only row of a statement that always has one.
async fn one<V: OwnedRow>(on: impl Handle, operation: &'static str, text: &Text<'_, '_>, place: &Place) -> Result<V> {
    let told = on.observe(operation, place.subject());
    let one = pin!(async { open_again(on, operation, &text.sql, &text.params, Some(V::FIELDS)).await?.one().await });
    told.watch(one).await.map_err(|e| place.blame(e))
}
