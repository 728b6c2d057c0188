use std::fmt;

/// The most pieces a column's name is made of: the prefixes of nested embedded structs, and its own name.
pub(crate) const MAX_PIECES: usize = 4;

/// The most bytes of an identifier, to which the server cuts longer ones
/// (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>).
pub(crate) const MAX_IDENTIFIER: usize = 63;

/// A column's name: its own, behind the prefixes of the embedded structs that it came through.
///
/// It is kept in pieces so that it can be put together at compile time; it is shown, compared and quoted as one.
#[derive(Clone, Copy)]
pub struct Name {
    pieces: [&'static str; MAX_PIECES],
}

impl Name {
    /// A plain name.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Name;
    /// assert_eq!(Name::new("city"), *"city");
    /// ```
    pub const fn new(name: &'static str) -> Self {
        Self { pieces: ["", "", "", name] }
    }

    /// The same name behind a prefix.
    ///
    /// # Panics
    /// When structs are embedded more than three deep; at compile time where the derive calls it.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Name;
    /// assert_eq!(Name::new("city").prefixed("home_").to_string(), "home_city");
    /// ```
    pub const fn prefixed(self, prefix: &'static str) -> Self {
        let [a, b, c, own] = self.pieces;
        if prefix.is_empty() {
            return self;
        }
        if c.is_empty() {
            return Self { pieces: [a, b, prefix, own] };
        }
        if b.is_empty() {
            return Self { pieces: [a, prefix, c, own] };
        }
        assert!(a.is_empty(), "structs are embedded more than three deep with a prefix");
        Self { pieces: [prefix, b, c, own] }
    }

    /// The pieces in order; their concatenation is the name.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Name;
    /// assert_eq!(Name::new("city").prefixed("home_").pieces(), &["", "", "home_", "city"]);
    /// ```
    pub const fn pieces(&self) -> &[&'static str; MAX_PIECES] {
        &self.pieces
    }

    /// The name's length in bytes.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Name;
    /// assert_eq!(Name::new("city").prefixed("home_").len(), 9);
    /// ```
    pub const fn len(&self) -> usize {
        let [a, b, c, own] = self.pieces;
        a.len() + b.len() + c.len() + own.len()
    }

    /// Whether the name has no bytes, which no column's has.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Name;
    /// assert!(!Name::new("city").is_empty());
    /// ```
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        self.pieces.iter().flat_map(|p| p.bytes())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|p| f.write_str(p))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

/// Quotes an identifier: `"` around it, each `"` in it doubled.
///
/// # Examples
/// ```
/// assert_eq!(pgrepo::table::quote_ident("odd\"name"), "\"odd\"\"name\"");
/// ```
pub fn quote_ident(name: &str) -> String {
    super::sql::text(|out| super::sql::ident(out, 0, &[name]))
}

/// A text as a literal. The form with `E` means the same whatever `standard_conforming_strings` is
/// (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS>).
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}
