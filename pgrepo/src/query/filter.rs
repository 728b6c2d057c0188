use std::fmt;
use std::marker::PhantomData;

use super::fragment::{Fragment, Text};

/// A condition on the rows of the table `T`; made from its columns, `and`, `or` and `not`.
///
/// Values are always bound, never written into the text.
pub struct Filter<'q, T: ?Sized> {
    node: Node<'q>,
    of: PhantomData<fn() -> *const T>,
}

enum Node<'q> {
    All,
    One(Fragment<'q>),
    Join { word: &'static str, nodes: Vec<Node<'q>> },
    Not(Box<Node<'q>>),
}

impl<'q, T: ?Sized> Filter<'q, T> {
    /// The condition that every row meets.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// use pgrepo::Filter;
    /// let wanted: Option<f64> = None;
    /// let filter = wanted.map_or(Filter::all(), |feet| Airport::ELEVATION_FT.gt(feet));
    /// assert_eq!(format!("{filter:?}"), "Filter(true)");
    /// ```
    pub fn all() -> Self {
        Self::of(Node::All)
    }

    /// A condition that is one piece of SQL; it binds closer than AND, or stands in parentheses.
    pub(crate) fn one(fragment: Fragment<'q>) -> Self {
        Self::of(Node::One(fragment))
    }

    fn of(node: Node<'q>) -> Self {
        Self { node, of: PhantomData }
    }

    /// Both conditions.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// let filter = Airport::ELEVATION_FT.gt(8_000.0).and(Airport::CITY.is_null());
    /// assert_eq!(format!("{filter:?}"), r#"Filter(("elevation_ft" > $1 AND "city" IS NULL))"#);
    /// ```
    pub fn and(self, other: Self) -> Self {
        self.join(" AND ", other)
    }

    /// One condition, or both.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// let filter = Airport::CITY.eq("La Paz").or(Airport::CITY.is_null());
    /// assert_eq!(format!("{filter:?}"), r#"Filter(("city" = $1 OR "city" IS NULL))"#);
    /// ```
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
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// let filter = Airport::ICAO.starts_with("EH").not();
    /// assert_eq!(format!("{filter:?}"), r#"Filter(NOT ("icao" ^@ $1))"#);
    /// ```
    #[allow(clippy::should_implement_trait, reason = "reads as the SQL does, beside `and` and `or`")]
    pub fn not(self) -> Self {
        Self::of(Node::Not(Box::new(self.node)))
    }

    /// Whether it is the condition that every row meets.
    pub(crate) fn is_all(&self) -> bool {
        matches!(self.node, Node::All)
    }
}

impl<T: ?Sized> fmt::Debug for Filter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::default();
        text.node(&self.node);
        write!(f, "Filter({})", text.sql)
    }
}

impl<'f, 'q> Text<'f, 'q> {
    /// Appends ` WHERE …`, or nothing for the condition that every row meets.
    pub(crate) fn filter<T: ?Sized>(&mut self, filter: &'f Filter<'q, T>) {
        if !filter.is_all() {
            self.push(" WHERE ");
            self.condition(filter);
        }
    }

    /// Appends a condition.
    pub(crate) fn condition<T: ?Sized>(&mut self, filter: &'f Filter<'q, T>) {
        self.node(&filter.node);
    }

    fn node(&mut self, node: &'f Node<'q>) {
        match node {
            Node::All => self.push("true"),
            Node::One(fragment) => self.fragment(fragment),
            Node::Join { word, nodes } => {
                self.push("(");
                for (i, node) in nodes.iter().enumerate() {
                    if i > 0 {
                        self.push(word);
                    }
                    self.node(node);
                }
                self.push(")");
            }
            Node::Not(node) => {
                self.push("NOT (");
                self.node(node);
                self.push(")");
            }
        }
    }
}
