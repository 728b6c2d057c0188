use std::fmt;
use std::marker::PhantomData;

use super::fragment::{Fragment, Text};

/// What the rows of the table `T` are sorted by, and in which direction.
pub struct Sort<'q, T: ?Sized> {
    by: Fragment<'q>,
    direction: &'static str,
    nulls: &'static str,
    of: PhantomData<fn() -> *const T>,
}

impl<'q, T: ?Sized> Sort<'q, T> {
    pub(crate) fn ascending(by: Fragment<'q>) -> Self {
        Self { by, direction: "", nulls: "", of: PhantomData }
    }

    pub(crate) fn descending(by: Fragment<'q>) -> Self {
        Self { by, direction: " DESC", nulls: "", of: PhantomData }
    }

    /// Sorts NULL before all values.
    pub fn nulls_first(mut self) -> Self {
        self.nulls = " NULLS FIRST";
        self
    }

    /// Sorts NULL behind all values.
    pub fn nulls_last(mut self) -> Self {
        self.nulls = " NULLS LAST";
        self
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
        self.push(sort.direction);
        self.push(sort.nulls);
    }
}
