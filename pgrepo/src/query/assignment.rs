use std::fmt;
use std::marker::PhantomData;

use crate::table::{Name, sql};

use super::fragment::{Fragment, Text};

/// A column's new value, or a change of a part of it.
///
/// Several changes of parts of one column in one statement are made one after the other, in the order in which they
/// are given, also behind a new value for the whole column. Two new values for one column are the server's to refuse.
pub struct Assignment<'q, T: ?Sized> {
    column: Name,
    value: New<'q>,
    of: PhantomData<fn() -> *const T>,
}

enum New<'q> {
    /// A value.
    Whole(Fragment<'q>),
    /// An expression of `d`, the jsonb document that the column holds before.
    Part(Fragment<'q>),
}

impl<'q, T: ?Sized> Assignment<'q, T> {
    pub(crate) fn new(column: Name, value: Fragment<'q>) -> Self {
        Self { column, value: New::Whole(value), of: PhantomData }
    }

    /// A change of a document: an expression of `d`, the document before.
    pub(crate) fn part(column: Name, value: Fragment<'q>) -> Self {
        Self { column, value: New::Part(value), of: PhantomData }
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
        let mut separator = " SET ";
        for (i, assignment) in all.iter().enumerate() {
            let (before, from) = all.split_at(i);
            let is_part = matches!(assignment.value, New::Part(_));
            if is_part && before.iter().any(|other| other.column == assignment.column) {
                continue;
            }
            self.push(separator);
            separator = ", ";
            self.push(&sql::text(|out| sql::name(out, 0, &assignment.column)));
            self.push(" = ");
            let of_column = from.iter().filter(|other| other.column == assignment.column);
            let parts: Vec<_> = of_column.filter_map(|other| other.change()).collect();
            match &assignment.value {
                New::Whole(value) if parts.is_empty() || before.iter().any(|b| b.column == assignment.column) => {
                    self.fragment(value);
                }
                New::Whole(value) => self.changed(&parts, |text| {
                    text.push("CAST(");
                    text.fragment(value);
                    text.push(" AS jsonb)");
                }),
                New::Part(_) => self.changed(&parts, |text| text.column(&assignment.column)),
            }
        }
    }

    /// Appends a document with changes made one after the other: each names the document before it more than once, so
    /// it gets it from a subquery, and `OFFSET 0` keeps the server from writing that out in each place.
    fn changed(&mut self, parts: &[&'f Fragment<'q>], document: impl FnOnce(&mut Self)) {
        self.push("(");
        for part in parts.iter().rev() {
            self.push("SELECT ");
            self.fragment(part);
            self.push(" AS d FROM (");
        }
        self.push("SELECT ");
        document(self);
        self.push(" AS d");
        for _ in parts {
            self.push(" OFFSET 0) AS s");
        }
        self.push(")");
    }
}

impl<'q, T: ?Sized> Assignment<'q, T> {
    fn change(&self) -> Option<&Fragment<'q>> {
        match &self.value {
            New::Part(part) => Some(part),
            New::Whole(_) => None,
        }
    }
}
