use std::fmt;
use std::marker::PhantomData;

use crate::pool::driver::Param;
use crate::table::{Arg, CanWrite, Column, Name, sql};

/// A condition on the rows of the table `T`; made from its columns, `and`, `or` and `not`.
///
/// Values are always bound, never written into the text.
pub struct Filter<'q, T: ?Sized> {
    node: Node<'q>,
    of: PhantomData<fn() -> *const T>,
}

enum Node<'q> {
    All,
    Compare { column: Name, operator: &'static str, value: Box<Param<'q>> },
    Null { column: Name, not: bool },
    Join { word: &'static str, nodes: Vec<Node<'q>> },
    Not(Box<Node<'q>>),
}

impl<'q, T: ?Sized> Filter<'q, T> {
    /// The condition that every row meets.
    pub fn all() -> Self {
        Self::of(Node::All)
    }

    fn of(node: Node<'q>) -> Self {
        Self { node, of: PhantomData }
    }

    /// Both conditions.
    pub fn and(self, other: Self) -> Self {
        self.join(" AND ", other)
    }

    /// One condition, or both.
    pub fn or(self, other: Self) -> Self {
        self.join(" OR ", other)
    }

    fn join(self, word: &'static str, other: Self) -> Self {
        let nodes = match self.node {
            Node::Join { word: w, mut nodes } if w == word => {
                nodes.push(other.node);
                nodes
            }
            node => vec![node, other.node],
        };
        Self::of(Node::Join { word, nodes })
    }

    /// The opposite; of an unknown condition (one on NULL) it is unknown too.
    #[allow(clippy::should_implement_trait, reason = "reads as the SQL does, beside `and` and `or`")]
    pub fn not(self) -> Self {
        Self::of(Node::Not(Box::new(self.node)))
    }
}

impl<T: ?Sized> fmt::Debug for Filter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Where::default();
        text.node(&self.node);
        write!(f, "Filter({})", text.sql)
    }
}

/// The text of a condition, and the values of its parameters in their order.
#[derive(Default)]
pub(crate) struct Where<'f, 'q> {
    pub(crate) sql: String,
    pub(crate) params: Vec<&'f Param<'q>>,
}

impl<'f, 'q> Where<'f, 'q> {
    /// Appends ` WHERE …`, or nothing for the condition that every row meets.
    pub(crate) fn filter<T: ?Sized>(&mut self, filter: &'f Filter<'q, T>) {
        if !matches!(filter.node, Node::All) {
            self.sql.push_str(" WHERE ");
            self.node(&filter.node);
        }
    }

    /// Appends the next parameter.
    pub(crate) fn param(&mut self, value: &'f Param<'q>) {
        self.params.push(value);
        self.sql.push('$');
        self.sql.push_str(&self.params.len().to_string());
    }

    /// Appends a column's name.
    pub(crate) fn column(&mut self, name: &Name) {
        self.sql.push_str(&sql::text(|out| sql::name(out, 0, name)));
    }

    fn node(&mut self, node: &'f Node<'q>) {
        match node {
            Node::All => self.sql.push_str("true"),
            Node::Compare { column, operator, value } => {
                self.column(column);
                self.sql.push_str(operator);
                self.param(&**value);
            }
            Node::Null { column, not } => {
                self.column(column);
                self.sql.push_str(if *not { " IS NOT NULL" } else { " IS NULL" });
            }
            Node::Join { word, nodes } => {
                self.sql.push('(');
                for (i, node) in nodes.iter().enumerate() {
                    if i > 0 {
                        self.sql.push_str(word);
                    }
                    self.node(node);
                }
                self.sql.push(')');
            }
            Node::Not(node) => {
                self.sql.push_str("NOT (");
                self.node(node);
                self.sql.push(')');
            }
        }
    }
}

/// A column to sort by.
pub struct Sort<T: ?Sized> {
    pub(crate) column: Name,
    pub(crate) descending: bool,
    of: PhantomData<fn() -> *const T>,
}

impl<T: ?Sized> fmt::Debug for Sort<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sort({}{})", self.column, if self.descending { " DESC" } else { "" })
    }
}

/// A column's new value.
pub struct Assignment<'q, T: ?Sized> {
    column: Name,
    value: Box<Param<'q>>,
    of: PhantomData<fn() -> *const T>,
}

impl<T: ?Sized> fmt::Debug for Assignment<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Assignment({})", self.column)
    }
}

/// Appends ` SET a = $1, …`.
pub(crate) fn assignments<'f, 'q, T: ?Sized>(text: &mut Where<'f, 'q>, all: &'f [Assignment<'q, T>]) {
    for (i, assignment) in all.iter().enumerate() {
        text.sql.push_str(if i == 0 { " SET " } else { ", " });
        text.column(&assignment.column);
        text.sql.push_str(" = ");
        text.param(&*assignment.value);
    }
}

impl<T: ?Sized, V: ?Sized, W> Column<T, V, W> {
    fn compare<'q>(self, operator: &'static str, value: impl Arg<V> + Send + Sync + 'q) -> Filter<'q, T> {
        Filter::of(Node::Compare { column: self.name(), operator, value: Box::new(value) })
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
        Filter::of(Node::Null { column: self.name(), not: false })
    }

    /// The column is not NULL.
    pub fn is_not_null<'q>(self) -> Filter<'q, T> {
        Filter::of(Node::Null { column: self.name(), not: true })
    }

    /// Sorts by the column, its least value first, NULL last.
    pub fn asc(self) -> Sort<T> {
        Sort { column: self.name(), descending: false, of: PhantomData }
    }

    /// Sorts by the column, NULL first, then its greatest value.
    pub fn desc(self) -> Sort<T> {
        Sort { column: self.name(), descending: true, of: PhantomData }
    }

    /// Gives the column a value.
    pub fn set<'q>(self, value: impl Arg<V> + Send + Sync + 'q) -> Assignment<'q, T>
    where
        W: CanWrite,
    {
        Assignment { column: self.name(), value: Box::new(value), of: PhantomData }
    }
}
