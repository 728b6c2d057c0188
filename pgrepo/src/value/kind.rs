use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A SQL type as a Rust type declares it, at compile time.
///
/// Built-in types are known by their OID, which never changes; a type of the user's (an enum, an extension's)
/// by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgType {
    /// The name in `pg_type`, for example `int8`.
    pub name: &'static str,
    /// The schema, where only the type of that schema is meant.
    pub schema: Option<&'static str>,
    /// The OID of a built-in type, 0 for all others.
    pub oid: u32,
}

impl PgType {
    /// A built-in type.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pgrepo::PgType::builtin("int8", 20), pgrepo::PgType::INT8);
    /// ```
    pub const fn builtin(name: &'static str, oid: u32) -> Self {
        Self { name, schema: None, oid }
    }

    /// A type that is known by its name, in whichever schema it lives.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pgrepo::PgType::named("mood").to_string(), "mood");
    /// ```
    pub const fn named(name: &'static str) -> Self {
        Self { name, schema: None, oid: 0 }
    }

    /// The same in one schema.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pgrepo::PgType::named("mood").in_schema("app").to_string(), "app.mood");
    /// ```
    pub const fn in_schema(self, schema: &'static str) -> Self {
        Self { schema: Some(schema), ..self }
    }

    /// Says whether the server's type is this one.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{PgType, TypeInfo, TypeKind};
    /// let mood = TypeInfo::new(16_400, "mood", TypeKind::Enum).with_schema("app");
    /// assert!(PgType::named("mood").is(&mood));
    /// assert!(!PgType::named("mood").in_schema("other").is(&mood));
    /// ```
    pub fn is(&self, ty: &TypeInfo) -> bool {
        if self.oid != 0 {
            return self.oid == ty.oid;
        }
        self.name == ty.name && self.schema.is_none_or(|s| ty.schema.as_deref().is_none_or(|t| s == t))
    }
}

impl fmt::Display for PgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// A type as the server described it: of a column, a parameter or a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeInfo {
    oid: u32,
    name: Cow<'static, str>,
    schema: Option<Cow<'static, str>>,
    kind: TypeKind,
}

/// What sort of type it is, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeKind {
    /// A base type, or anything else that stands alone.
    Plain,
    /// An enum; its values travel as their labels.
    Enum,
    /// An array of the element type.
    Array(Arc<TypeInfo>),
    /// A domain over the type.
    Domain(Arc<TypeInfo>),
}

impl TypeInfo {
    /// Stands where nothing is known about the type; no Rust type accepts it.
    pub const UNKNOWN: Self = Self { oid: 0, name: Cow::Borrowed("unknown"), schema: None, kind: TypeKind::Plain };

    /// Describes a type.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{TypeInfo, TypeKind};
    /// let mood = TypeInfo::new(16_400, "mood", TypeKind::Enum).with_schema("app");
    /// assert_eq!(mood.to_string(), "mood");
    /// ```
    pub fn new(oid: u32, name: impl Into<Cow<'static, str>>, kind: TypeKind) -> Self {
        Self { oid, name: name.into(), schema: None, kind }
    }

    /// The same with its schema.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{TypeInfo, TypeKind};
    /// let mood = TypeInfo::new(16_400, "mood", TypeKind::Enum).with_schema("app");
    /// assert_eq!(mood.schema(), Some("app"));
    /// ```
    pub fn with_schema(mut self, schema: impl Into<Cow<'static, str>>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The built-in type that `ty` declares.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{PgType, TypeInfo};
    /// assert_eq!(TypeInfo::builtin(PgType::INT8).name(), "int8");
    /// ```
    pub const fn builtin(ty: PgType) -> Self {
        Self { oid: ty.oid, name: Cow::Borrowed(ty.name), schema: None, kind: TypeKind::Plain }
    }

    /// The OID in `pg_type`.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{TypeInfo, TypeKind};
    /// let mood = TypeInfo::new(16_400, "mood", TypeKind::Enum).with_schema("app");
    /// assert_eq!(mood.oid(), 16_400);
    /// ```
    pub fn oid(&self) -> u32 {
        self.oid
    }

    /// The name in `pg_type`; an array's is its element's with `[]`.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{TypeInfo, TypeKind};
    /// let mood = TypeInfo::new(16_400, "mood", TypeKind::Enum).with_schema("app");
    /// assert_eq!(mood.name(), "mood");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema, where it is known.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{PgType, TypeInfo};
    /// // Of a built-in type only the name is told.
    /// assert_eq!(TypeInfo::builtin(PgType::INT8).schema(), None);
    /// ```
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// What sort of type it is.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{TypeInfo, TypeKind};
    /// let mood = TypeInfo::new(16_400, "mood", TypeKind::Enum).with_schema("app");
    /// assert_eq!(*mood.kind(), TypeKind::Enum);
    /// ```
    pub fn kind(&self) -> &TypeKind {
        &self.kind
    }

    /// The type under a domain, through any number of them; any other type is its own.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{PgType, TypeInfo, TypeKind};
    /// let email = TypeInfo::new(16_401, "email", TypeKind::Domain(TypeInfo::builtin(PgType::TEXT).into()));
    /// assert_eq!(email.base().name(), "text");
    /// ```
    pub fn base(&self) -> &Self {
        let mut ty = self;
        while let TypeKind::Domain(base) = &ty.kind {
            ty = base;
        }
        ty
    }

    /// The type of an array's elements.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{PgType, TypeInfo, TypeKind};
    /// let numbers = TypeInfo::new(1007, "int4[]", TypeKind::Array(TypeInfo::builtin(PgType::INT4).into()));
    /// assert_eq!(numbers.element().map(TypeInfo::name), Some("int4"));
    /// ```
    pub fn element(&self) -> Option<&Self> {
        match &self.base().kind {
            TypeKind::Array(element) => Some(element),
            _ => None,
        }
    }
}

impl fmt::Display for TypeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let TypeKind::Domain(base) = &self.kind {
            write!(f, " (a domain over {base})")?;
        }
        Ok(())
    }
}

/// The built-in types, by the OIDs of `pg_type.dat`.
impl PgType {
    #[doc = "`bool`."]
    pub const BOOL: Self = Self::builtin("bool", 16);
    #[doc = "`bytea`."]
    pub const BYTEA: Self = Self::builtin("bytea", 17);
    #[doc = "`name`."]
    pub const NAME: Self = Self::builtin("name", 19);
    #[doc = "`int8`."]
    pub const INT8: Self = Self::builtin("int8", 20);
    #[doc = "`int2`."]
    pub const INT2: Self = Self::builtin("int2", 21);
    #[doc = "`int4`."]
    pub const INT4: Self = Self::builtin("int4", 23);
    #[doc = "`text`."]
    pub const TEXT: Self = Self::builtin("text", 25);
    #[doc = "`oid`."]
    pub const OID: Self = Self::builtin("oid", 26);
    #[doc = "`json`."]
    pub const JSON: Self = Self::builtin("json", 114);
    #[doc = "`float4`."]
    pub const FLOAT4: Self = Self::builtin("float4", 700);
    #[doc = "`float8`."]
    pub const FLOAT8: Self = Self::builtin("float8", 701);
    #[doc = "`unknown`."]
    pub const UNKNOWN: Self = Self::builtin("unknown", 705);
    #[doc = "`bpchar`."]
    pub const BPCHAR: Self = Self::builtin("bpchar", 1042);
    #[doc = "`varchar`."]
    pub const VARCHAR: Self = Self::builtin("varchar", 1043);
    #[doc = "`date`."]
    pub const DATE: Self = Self::builtin("date", 1082);
    #[doc = "`time`."]
    pub const TIME: Self = Self::builtin("time", 1083);
    #[doc = "`timestamp`."]
    pub const TIMESTAMP: Self = Self::builtin("timestamp", 1114);
    #[doc = "`timestamptz`."]
    pub const TIMESTAMPTZ: Self = Self::builtin("timestamptz", 1184);
    #[doc = "`interval`."]
    pub const INTERVAL: Self = Self::builtin("interval", 1186);
    #[doc = "`timetz`."]
    pub const TIMETZ: Self = Self::builtin("timetz", 1266);
    #[doc = "`numeric`."]
    pub const NUMERIC: Self = Self::builtin("numeric", 1700);
    #[doc = "`uuid`."]
    pub const UUID: Self = Self::builtin("uuid", 2950);
    #[doc = "`jsonb`."]
    pub const JSONB: Self = Self::builtin("jsonb", 3802);
}
