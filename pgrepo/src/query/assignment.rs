use std::fmt;
use std::marker::PhantomData;

use crate::table::Name;

use super::fragment::{Fragment, Text};

/// A column's new value.
pub struct Assignment<'q, T: ?Sized> {
    column: Name,
    value: Fragment<'q>,
    of: PhantomData<fn() -> *const T>,
}

impl<'q, T: ?Sized> Assignment<'q, T> {
    pub(crate) fn new(column: Name, value: Fragment<'q>) -> Self {
        Self { column, value, of: PhantomData }
    }

    /// The column's name.
    pub(crate) fn column(&self) -> &Name {
        &self.column
    }
}

impl<T: ?Sized> fmt::Debug for Assignment<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Assignment({})", self.column)
    }
}

impl<'f, 'q> Text<'f, 'q> {
    /// Appends ` SET a = $1, …`.
    pub(crate) fn assignments<T: ?Sized>(&mut self, all: &'f [Assignment<'q, T>]) {
        for (i, assignment) in all.iter().enumerate() {
            self.push(if i == 0 { " SET " } else { ", " });
            self.push(&crate::table::sql::text(|out| crate::table::sql::name(out, 0, &assignment.column)));
            self.push(" = ");
            self.fragment(&assignment.value);
        }
    }
}
