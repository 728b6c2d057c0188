use std::fmt;

use crate::value::{PgType, SqlType, TypeDefinition, TypeInfo};

use super::{ConstraintMeta, IndexMeta, MAX_IDENTIFIER, Spec, sql};

/// What a struct says about one of its columns.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ColumnMeta {
    /// Names and marks.
    pub spec: Spec,
    /// The SQL types that the field's type stands for, the declared one first.
    pub types: &'static [PgType],
    /// Whether it is an array of them.
    pub array: bool,
    /// Whether the field can be NULL.
    pub nullable: bool,
    /// How the first of the types is made, where that is the user's and the field's type says so.
    pub definition: Option<&'static TypeDefinition>,
    /// Whether the struct names the SQL type (`#[pg(sql_type = "…")]`).
    pub declared: bool,
    /// What limits the values of the type that the struct names, as the server writes it: `(20)` of a
    /// `#[pg(sql_type = "varchar(20)")]`. Empty for no limit.
    pub modifier: &'static str,
    accepts: fn(&TypeInfo) -> bool,
    type_name: fn() -> &'static str,
}

impl ColumnMeta {
    /// The column of a field of the type `V`.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ColumnMeta, Spec};
    /// const NAME: ColumnMeta = ColumnMeta::of::<String>(Spec::new("name", "name", "String"));
    /// assert_eq!((NAME.sql_type(), NAME.nullable), ("text".to_owned(), false));
    /// ```
    pub const fn of<V: SqlType + ?Sized>(spec: Spec) -> Self {
        Self {
            spec,
            types: V::TYPES,
            array: V::ARRAY,
            nullable: V::NULLABLE,
            definition: V::DEFINITION,
            declared: false,
            modifier: "",
            accepts: V::accepts,
            type_name: std::any::type_name::<V>,
        }
    }

    /// Fills an array before it is written to.
    #[doc(hidden)]
    pub const EMPTY: Self = Self {
        spec: Spec::EMPTY,
        types: &[],
        array: false,
        nullable: false,
        definition: None,
        declared: false,
        modifier: "",
        accepts: |_| false,
        type_name: || "",
    };

    /// The same, but the column is declared with these types (`#[pg(sql_type = "…")]`).
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ColumnMeta, Spec};
    /// const NAME: ColumnMeta = ColumnMeta::of::<String>(Spec::new("name", "name", "String"));
    /// use pgrepo::PgType;
    /// assert_eq!(NAME.declared(&[PgType::VARCHAR]).sql_type(), "varchar");
    /// ```
    pub const fn declared(self, types: &'static [PgType]) -> Self {
        Self { types, declared: true, ..self }
    }

    /// The same with what limits the values of the declared type.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ColumnMeta, PgType, Spec};
    /// const NAME: ColumnMeta = ColumnMeta::of::<String>(Spec::new("name", "name", "String"));
    /// assert_eq!(NAME.declared(&[PgType::VARCHAR]).modifier("(20)").sql_type(), "varchar(20)");
    /// ```
    pub const fn modifier(self, modifier: &'static str) -> Self {
        Self { modifier, ..self }
    }

    /// The same column, written from another struct's field.
    pub(super) const fn of_field(self, field: &'static str, rust_type: &'static str) -> Self {
        Self { spec: Spec { field, rust_type, ..self.spec }, ..self }
    }

    /// The same, but NULL fits.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ColumnMeta, Spec};
    /// const NAME: ColumnMeta = ColumnMeta::of::<String>(Spec::new("name", "name", "String"));
    /// assert!(NAME.nullable().nullable);
    /// ```
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The same column, embedded with a prefix.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ColumnMeta, Spec};
    /// const NAME: ColumnMeta = ColumnMeta::of::<String>(Spec::new("name", "name", "String"));
    /// assert_eq!(NAME.prefixed("owner_").spec.name.to_string(), "owner_name");
    /// ```
    pub const fn prefixed(self, prefix: &'static str) -> Self {
        Self { spec: self.spec.prefixed(prefix), ..self }
    }

    /// Says whether a server's column of the type `ty` can be read into, and written from, the field.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ColumnMeta, Spec};
    /// const NAME: ColumnMeta = ColumnMeta::of::<String>(Spec::new("name", "name", "String"));
    /// use pgrepo::{PgType, TypeInfo};
    /// assert!(NAME.accepts(&TypeInfo::builtin(PgType::VARCHAR)));
    /// assert!(!NAME.accepts(&TypeInfo::builtin(PgType::INT4)));
    /// ```
    pub fn accepts(&self, ty: &TypeInfo) -> bool {
        (self.accepts)(ty)
    }

    /// The field's type: as the source writes it, or its full name where no source does (tuples).
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Record;
    /// # #[derive(pgrepo::PgRecord)]
    /// # struct Named { name: Option<String> }
    /// assert_eq!(Named::COLUMNS[0].rust_type(), "Option<String>");
    /// ```
    pub fn rust_type(&self) -> &'static str {
        if self.spec.rust_type.is_empty() { (self.type_name)() } else { self.spec.rust_type }
    }

    /// Whether the column is an array of its type, and not of a domain that is one.
    pub(crate) fn is_array(&self) -> bool {
        self.array && !matches!(self.made(), Some(TypeDefinition::Domain { array: true, .. }))
    }

    /// How the column's type is made, where that is the one that the Rust type defines.
    pub(crate) fn made(&self) -> Option<&'static TypeDefinition> {
        self.definition.filter(|made| self.types.first() == Some(&made.ty()))
    }

    /// The SQL type that the field stands for, as a declaration writes it.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Record;
    /// # #[derive(pgrepo::PgRecord)]
    /// # struct Tagged { tags: Vec<String> }
    /// assert_eq!(Tagged::COLUMNS[0].sql_type(), "text[]");
    /// ```
    pub fn sql_type(&self) -> String {
        let name = self.types.first().map_or_else(|| "?".to_owned(), PgType::to_string);
        let modifier = self.modifier;
        if self.is_array() { format!("{name}{modifier}[]") } else { name + modifier }
    }
}

impl fmt::Debug for ColumnMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColumnMeta")
            .field("name", &self.spec.name)
            .field("field", &self.spec.field)
            .field("rust_type", &self.rust_type())
            .field("sql_type", &self.sql_type())
            .field("nullable", &self.nullable)
            .field("primary_key", &self.spec.primary_key)
            .field("identity", &self.spec.identity)
            .field("generated", &self.spec.generated)
            .field("default", &self.spec.default)
            .finish()
    }
}

/// What a struct says about its table.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TableMeta {
    /// The schema; without one the server's `search_path` decides.
    pub schema: Option<&'static str>,
    /// The table's name.
    pub name: &'static str,
    /// Whether it is declared read-only, as views are.
    pub read_only: bool,
    /// Its columns in the order of the fields.
    pub columns: &'static [ColumnMeta],
    /// The struct's name.
    pub rust_type: &'static str,
    /// The struct's documentation.
    pub doc: &'static str,
    /// The constraints that the struct declares: its key, unique sets, and those that it names.
    pub constraints: &'static [ConstraintMeta],
    indexes: fn() -> Vec<IndexMeta>,
}

impl TableMeta {
    /// Describes a table.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::TableMeta;
    /// const USERS: TableMeta = TableMeta::new(Some("app"), "users", &[]);
    /// assert_eq!(USERS.to_string(), "app.users");
    /// ```
    pub const fn new(schema: Option<&'static str>, name: &'static str, columns: &'static [ColumnMeta]) -> Self {
        Self { schema, name, read_only: false, columns, rust_type: "", doc: "", constraints: &[], indexes: Vec::new }
    }

    /// The same, read-only.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::TableMeta;
    /// assert!(TableMeta::new(None, "active_users", &[]).read_only().read_only);
    /// ```
    pub const fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// The same with the struct's name and documentation.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::TableMeta;
    /// assert_eq!(TableMeta::new(None, "users", &[]).of_struct("User", "Who may log in.").rust_type, "User");
    /// ```
    pub const fn of_struct(self, rust_type: &'static str, doc: &'static str) -> Self {
        Self { rust_type, doc, ..self }
    }

    /// The same with constraints.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ConstraintMeta, ConstraintMetaKind, TableMeta};
    /// const ALL: &[ConstraintMeta] = &[ConstraintMeta::new(ConstraintMetaKind::Check, "users_age_check", &[])];
    /// assert_eq!(TableMeta::new(None, "users", &[]).constraints(ALL).constraints.len(), 1);
    /// ```
    pub const fn constraints(self, constraints: &'static [ConstraintMeta]) -> Self {
        Self { constraints, ..self }
    }

    /// The same with indexes.
    #[doc(hidden)]
    pub const fn indexes(self, indexes: fn() -> Vec<IndexMeta>) -> Self {
        Self { indexes, ..self }
    }

    /// The indexes that the struct declares, by `index`, `gin_index` and `json_index`.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::PgTable;
    /// #[derive(PgTable)]
    /// #[pg(table = "airports")]
    /// struct Airport {
    ///     #[pg(gin_index)]
    ///     location: serde_json::Value,
    /// }
    /// assert_eq!(Airport::TABLE.declared_indexes()[0].name, "airports_location_gin");
    /// ```
    pub fn declared_indexes(&self) -> Vec<IndexMeta> {
        (self.indexes)()
    }
}

/// A table that is named at run time: `"users"`, or `("app", "users")` with its schema. It is quoted as it stands, so a
/// dot is a part of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableName<'a> {
    /// The schema; without one the server's `search_path` decides.
    pub schema: Option<&'a str>,
    /// The table.
    pub name: &'a str,
}

impl TableName<'_> {
    /// Says what keeps a name from being one: nothing, NUL, or more than [`MAX_IDENTIFIER`] bytes.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        self.schema.into_iter().chain([self.name]).find_map(|name| match name {
            "" => Some("a table's or a schema's name is empty"),
            name if name.contains('\0') => Some("a table's or a schema's name holds a NUL character"),
            name if name.len() > MAX_IDENTIFIER => Some("a table's or a schema's name has more than 63 bytes"),
            _ => None,
        })
    }

    /// The name with its schema, each quoted.
    pub(crate) fn quoted(&self) -> String {
        let layout = sql::Layout { schema: self.schema, table: self.name, columns: &[] };
        sql::text(|out| sql::table(out, 0, &layout))
    }
}

impl<'a> From<&'a str> for TableName<'a> {
    fn from(name: &'a str) -> Self {
        Self { schema: None, name }
    }
}

impl<'a> From<(&'a str, &'a str)> for TableName<'a> {
    fn from((schema, name): (&'a str, &'a str)) -> Self {
        Self { schema: Some(schema), name }
    }
}

impl fmt::Display for TableName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(self.name),
        }
    }
}

impl fmt::Display for TableMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TableName { schema: self.schema, name: self.name }.fmt(f)
    }
}
