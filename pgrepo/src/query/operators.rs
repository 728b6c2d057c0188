//! What can be asked of a column.

use crate::table::{Arg, CanWrite, Column};

use super::fragment::Fragment;
use super::{Assignment, Filter, Sort};

impl<T: ?Sized, V: ?Sized, W> Column<T, V, W> {
    fn compare<'q>(self, operator: &'static str, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        Filter::one(self.fragment().text(operator).param(value))
    }

    /// The column in a statement.
    pub(crate) fn fragment<'q>(self) -> Fragment<'q> {
        Fragment::column(self.name())
    }

    /// The column equals the value; `None` asks for NULL.
    pub fn eq<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        if value.is_null() { self.is_null() } else { self.compare(" = ", value) }
    }

    /// The column differs from the value, and is not NULL; `None` asks for any value but NULL.
    pub fn ne<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        if value.is_null() { self.is_not_null() } else { self.compare(" <> ", value) }
    }

    /// The column is less than the value.
    pub fn lt<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        self.compare(" < ", value)
    }

    /// The column is the value or less.
    pub fn le<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        self.compare(" <= ", value)
    }

    /// The column is greater than the value.
    pub fn gt<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        self.compare(" > ", value)
    }

    /// The column is the value or greater.
    pub fn ge<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        self.compare(" >= ", value)
    }

    /// The column is NULL.
    pub fn is_null<'q>(self) -> Filter<'q, T> {
        Filter::one(self.fragment().text(" IS NULL"))
    }

    /// The column is not NULL.
    pub fn is_not_null<'q>(self) -> Filter<'q, T> {
        Filter::one(self.fragment().text(" IS NOT NULL"))
    }

    /// Sorts by the column, its least value first, NULL last.
    pub fn asc<'q>(self) -> Sort<'q, T> {
        Sort::ascending(self.fragment())
    }

    /// Sorts by the column, NULL first, then its greatest value.
    pub fn desc<'q>(self) -> Sort<'q, T> {
        Sort::descending(self.fragment())
    }

    /// Gives the column a value.
    pub fn set<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Assignment<'q, T>
    where
        W: CanWrite,
    {
        Assignment::new(self.name(), Fragment::default().param(value))
    }
}
