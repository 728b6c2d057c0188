use crate::query::fragment::Fragment;
use crate::query::{Assignment, Filter, Sort};
use crate::table::{Arg, CanWrite, Column};
use crate::value::Element;

use super::List;

impl<T: ?Sized, V: ?Sized, W> Column<T, V, W> {
    fn compare<'q>(self, operator: &'static str, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        Filter::one(self.fragment().text(operator).param(value))
    }

    /// The column in a statement.
    pub(crate) fn fragment<'q>(self) -> Fragment<'q> {
        Fragment::column(self.name())
    }

    /// The column equals the value; `None` asks for NULL.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.eq("La Paz")), r#"Filter("city" = $1)"#);
    /// assert_eq!(format!("{:?}", Airport::CITY.eq(None)), r#"Filter("city" IS NULL)"#);
    /// ```
    pub fn eq<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        if value.is_null() { self.is_null() } else { self.compare(" = ", value) }
    }

    /// The column differs from the value, and is not NULL; `None` asks for any value but NULL.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.ne("La Paz")), r#"Filter("city" <> $1)"#);
    /// ```
    pub fn ne<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        if value.is_null() { self.is_not_null() } else { self.compare(" <> ", value) }
    }

    /// The column is less than the value. With NULL on either side no row is found.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::ELEVATION_FT.lt(0.0)), r#"Filter("elevation_ft" < $1)"#);
    /// ```
    pub fn lt<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        self.compare(" < ", value)
    }

    /// The column is the value or less. With NULL on either side no row is found.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::ELEVATION_FT.le(0.0)), r#"Filter("elevation_ft" <= $1)"#);
    /// ```
    pub fn le<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        self.compare(" <= ", value)
    }

    /// The column is greater than the value. With NULL on either side no row is found.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::ELEVATION_FT.gt(8_000.0)), r#"Filter("elevation_ft" > $1)"#);
    /// ```
    pub fn gt<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        self.compare(" > ", value)
    }

    /// The column is the value or greater. With NULL on either side no row is found.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::ELEVATION_FT.ge(8_000.0)), r#"Filter("elevation_ft" >= $1)"#);
    /// ```
    pub fn ge<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        self.compare(" >= ", value)
    }

    /// The column is not less than the first value and not greater than the second; both belong to the range. With
    /// NULL among the three no row is found.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// let middle = Airport::ELEVATION_FT.between(1_000.0, 8_000.0);
    /// assert_eq!(format!("{middle:?}"), r#"Filter("elevation_ft" BETWEEN $1 AND $2)"#);
    /// ```
    pub fn between<'q>(
        self,
        low: impl Arg<V> + Send + Sync + 'q,
        high: impl Arg<V> + Send + Sync + 'q,
    ) -> Filter<'q, T> {
        Filter::one(self.fragment().text(" BETWEEN ").param(low).text(" AND ").param(high))
    }

    /// The column is one of the values; a `None` among them asks for NULL too. Of no values it is none.
    ///
    /// They are bound as one array, so there may be any number of them, and the statement is the same for each number.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { icao: String, iata: Option<String> }
    /// let wanted = Airport::ICAO.in_(["EHAM", "SLLP"]);
    /// assert_eq!(format!("{wanted:?}"), r#"Filter("icao" = ANY($1))"#);
    /// ```
    pub fn in_<'q, A>(self, values: impl IntoIterator<Item = A>) -> Filter<'q, T>
    where
        V: Element,
        A: Arg<V> + Send + Sync + 'q,
    {
        let (list, nulls) = List::without_nulls(values);
        let one = Filter::one(self.fragment().text(" = ANY(").param(list).text(")"));
        if nulls { one.or(self.is_null()) } else { one }
    }

    /// The column is none of the values, and not NULL: that holds with a `None` among them too, where SQL's `NOT IN`
    /// finds nothing at all. Every row that is not NULL is found where there are no values.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// let others = Airport::CITY.not_in(["La Paz", "El Alto"]);
    /// assert_eq!(format!("{others:?}"), r#"Filter(("city" <> ALL($1) AND "city" IS NOT NULL))"#);
    /// ```
    pub fn not_in<'q, A>(self, values: impl IntoIterator<Item = A>) -> Filter<'q, T>
    where
        V: Element,
        A: Arg<V> + Send + Sync + 'q,
    {
        let (list, _) = List::without_nulls(values);
        // Of an empty array `<> ALL` is true, even of NULL.
        let none = Filter::one(self.fragment().text(" <> ALL(").param(list).text(")"));
        none.and(self.is_not_null())
    }

    /// The column is NULL.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.is_null()), r#"Filter("city" IS NULL)"#);
    /// ```
    pub fn is_null<'q>(self) -> Filter<'q, T> {
        Filter::one(self.fragment().text(" IS NULL"))
    }

    /// The column is not NULL.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.is_not_null()), r#"Filter("city" IS NOT NULL)"#);
    /// ```
    pub fn is_not_null<'q>(self) -> Filter<'q, T> {
        Filter::one(self.fragment().text(" IS NOT NULL"))
    }

    /// Sorts by the column, its least value first, NULL last.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.asc()), r#"Sort("city")"#);
    /// ```
    pub fn asc<'q>(self) -> Sort<'q, T> {
        Sort::ascending(self.fragment())
    }

    /// Sorts by the column, NULL first, then its greatest value.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.desc()), r#"Sort("city" DESC)"#);
    /// ```
    pub fn desc<'q>(self) -> Sort<'q, T> {
        Sort::descending(self.fragment())
    }

    /// Gives the column a value.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let airports = db.repository::<Airport>();
    /// airports.patch("SLLP", [Airport::CITY.set("El Alto"), Airport::ELEVATION_FT.set(13_314.0)]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Assignment<'q, T>
    where
        W: CanWrite,
    {
        Assignment::new(self.name(), Fragment::default().param(value))
    }
}
