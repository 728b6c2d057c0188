use std::fmt;
use std::marker::PhantomData;

use super::fragment::{Fragment, Text};

/// What the rows of the table `T` are sorted by, and in which direction.
pub struct Sort<'q, T: ?Sized> {
    by: Fragment<'q>,
    descending: bool,
    nulls_first: Option<bool>,
    of: PhantomData<fn() -> *const T>,
}

impl<'q, T: ?Sized> Sort<'q, T> {
    pub(crate) fn ascending(by: Fragment<'q>) -> Self {
        Self { by, descending: false, nulls_first: None, of: PhantomData }
    }

    pub(crate) fn descending(by: Fragment<'q>) -> Self {
        Self { by, descending: true, nulls_first: None, of: PhantomData }
    }

    /// Sorts NULL before all values.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.asc().nulls_first()), r#"Sort("city" NULLS FIRST)"#);
    /// ```
    pub fn nulls_first(mut self) -> Self {
        self.nulls_first = Some(true);
        self
    }

    /// Sorts NULL behind all values.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.desc().nulls_last()), r#"Sort("city" DESC NULLS LAST)"#);
    /// ```
    pub fn nulls_last(mut self) -> Self {
        self.nulls_first = Some(false);
        self
    }

    pub(crate) fn by(&self) -> &Fragment<'q> {
        &self.by
    }

    pub(crate) fn is_descending(&self) -> bool {
        self.descending
    }

    /// Whether NULL comes first, said or by the direction.
    pub(crate) fn nulls_come_first(&self) -> bool {
        self.nulls_first.unwrap_or(self.descending)
    }
}

impl<T: ?Sized> fmt::Debug for Sort<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::default();
        text.sort(self);
        write!(f, "Sort({})", text.sql)
    }
}

impl<'f, 'q> Text<'f, 'q> {
    /// Appends ` ORDER BY …`, or nothing.
    pub(crate) fn order<T: ?Sized>(&mut self, order: &'f [Sort<'q, T>]) {
        for (i, sort) in order.iter().enumerate() {
            self.push(if i == 0 { " ORDER BY " } else { ", " });
            self.sort(sort);
        }
    }

    fn sort<T: ?Sized>(&mut self, sort: &'f Sort<'q, T>) {
        self.fragment(&sort.by);
        self.push(if sort.descending { " DESC" } else { "" });
        self.push(match sort.nulls_first {
            None => "",
            Some(true) => " NULLS FIRST",
            Some(false) => " NULLS LAST",
        });
    }
}
