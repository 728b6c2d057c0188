use super::Name;

/// Names and marks of a column: what does not depend on the field's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spec {
    /// The column's name.
    pub name: Name,
    /// The field's name.
    pub field: &'static str,
    /// The field's type as the source writes it.
    pub rust_type: &'static str,
    /// Whether it is a part of the primary key.
    pub primary_key: bool,
    /// Whether it is an identity column: the server numbers it unless a load sends it.
    pub identity: bool,
    /// Whether the server computes it (stored or virtual): it is never written.
    pub generated: bool,
    /// Whether it has a default: a load sends it or leaves it to the server.
    pub default: bool,
    /// Whether it says that the row of an embedded struct is there: no column of a table, but made by the statement.
    pub presence: bool,
    /// Whether it counts the changes of the row: an update compares it, and sets the next one.
    pub version: bool,
    /// The SQL of its default, or of what it is computed from, where the struct says so.
    pub expression: Option<&'static str>,
    /// The field's documentation.
    pub doc: &'static str,
}

impl Spec {
    /// A column without marks.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// const EMAIL: Spec = Spec::new("e-mail", "email", "String");
    /// assert_eq!((EMAIL.name.to_string(), EMAIL.field, EMAIL.primary_key), ("e-mail".to_owned(), "email", false));
    /// ```
    pub const fn new(name: &'static str, field: &'static str, rust_type: &'static str) -> Self {
        Self {
            name: Name::new(name),
            field,
            rust_type,
            primary_key: false,
            identity: false,
            generated: false,
            default: false,
            presence: false,
            version: false,
            expression: None,
            doc: "",
        }
    }

    /// Fills an array before it is written to.
    #[doc(hidden)]
    pub const EMPTY: Self = Self::new("", "", "");

    /// Marks a part of the primary key.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// assert!(Spec::new("id", "id", "i64").primary_key().primary_key);
    /// ```
    pub const fn primary_key(self) -> Self {
        Self { primary_key: true, ..self }
    }

    /// Marks an identity column.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// assert!(Spec::new("id", "id", "i64").identity().identity);
    /// ```
    pub const fn identity(self) -> Self {
        Self { identity: true, ..self }
    }

    /// Marks a generated column.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// assert!(Spec::new("id", "id", "i64").generated().generated);
    /// ```
    pub const fn generated(self) -> Self {
        Self { generated: true, ..self }
    }

    /// Marks a column with a default.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// assert!(Spec::new("id", "id", "i64").default_value().default);
    /// ```
    pub const fn default_value(self) -> Self {
        Self { default: true, ..self }
    }

    /// Marks a column that says whether a joined row is there.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// assert!(Spec::new("id", "id", "i64").presence().presence);
    /// ```
    pub const fn presence(self) -> Self {
        Self { presence: true, ..self }
    }

    /// Marks the column that counts the row's changes.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// assert!(Spec::new("id", "id", "i64").version().version);
    /// ```
    pub const fn version(self) -> Self {
        Self { version: true, ..self }
    }

    /// Says by which SQL the server makes the value: that of the default, or of a generated column.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// assert_eq!(Spec::new("at", "at", "String").default_value().expression("now()").expression, Some("now()"));
    /// ```
    pub const fn expression(self, sql: &'static str) -> Self {
        Self { expression: Some(sql), ..self }
    }

    /// Adds the field's documentation.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// assert_eq!(Spec::new("at", "at", "String").documented("When it came.").doc, "When it came.");
    /// ```
    pub const fn documented(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }

    /// The same column, embedded with a prefix.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Spec;
    /// assert_eq!(Spec::new("city", "city", "String").prefixed("home_").name.to_string(), "home_city");
    /// ```
    pub const fn prefixed(self, prefix: &'static str) -> Self {
        Self { name: self.name.prefixed(prefix), ..self }
    }
}
