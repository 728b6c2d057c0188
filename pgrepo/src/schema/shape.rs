//! What a table looks like, as far as structs rest on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::driver_row::FIRST_OWN;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::Handle;
use crate::query::query;
use crate::table::{Made, TableName};
use crate::value::{TypeInfo, TypeKind};

/// The columns, constraints and indexes of a table, with the types of the columns: what
/// [`Snapshot`](crate::Snapshot) keeps. It holds no rows, no statistics, and nothing that another database with the same
/// schema would have otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableShape {
    /// The schema in which the table was found.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// What it is, by the letter of `pg_class.relkind`: `r` for a table, `p` for a partitioned one, `v` for a view.
    pub kind: String,
    /// Whether rows can be inserted into it: a view takes none if its query cannot be written through and it has no
    /// INSTEAD OF trigger, and a materialised one never does.
    #[serde(default = "takes_rows", skip_serializing_if = "Clone::clone")]
    pub takes_rows: bool,
    /// The columns, in the table's order.
    pub columns: Vec<ColumnShape>,
    /// The constraints, by their names.
    pub constraints: Vec<ConstraintShape>,
    /// The indexes, by their names.
    pub indexes: Vec<IndexShape>,
    /// The types of the columns, and those that they rest on, by the names that the columns use.
    pub types: BTreeMap<String, TypeShape>,
}

/// What all do but some views, so a file says nothing of it.
fn takes_rows() -> bool {
    true
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnShape {
    /// Its name.
    pub name: String,
    /// Its type: a key of [`TableShape::types`].
    #[serde(rename = "type")]
    pub ty: String,
    /// What limits the column's values: `(20)` of a `varchar(20)`. A domain's own limit is none of the column's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modifier: Option<String>,
    /// Whether it may hold NULL.
    pub nullable: bool,
    /// The SQL of its default, or of its domain's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The SQL that it is computed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<String>,
    /// Whether it is computed when it is read, and not stored: PostgreSQL 18 has such columns.
    #[serde(default, rename = "virtual", skip_serializing_if = "std::ops::Not::not")]
    pub is_virtual: bool,
    /// How it is numbered, by the letter of `pg_attribute.attidentity`: `a` always, `d` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConstraintShape {
    /// Its name.
    pub name: String,
    /// What sort it is, by the letter of `pg_constraint.contype`: `p`, `u`, `c`, `f` or `x`.
    pub kind: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Its SQL, as the server writes it.
    pub definition: String,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IndexShape {
    /// Its name.
    pub name: String,
    /// Whether no two rows share its values, of all rows: it has no condition.
    pub unique: bool,
    /// Whether the server uses it: one that could not be built is not.
    pub valid: bool,
    /// Its columns; none if one of them is an expression.
    pub columns: Vec<String>,
    /// The statement that makes it, as the server writes it.
    pub definition: String,
}

/// A type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TypeShape {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The OID of a built-in type, which is the same in every database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<u32>,
    /// The labels of an enum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// The type of an array's elements: a key of [`TableShape::types`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// The type that a domain rests on: a key of [`TableShape::types`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// One row of one column: the table as JSON, or none where there is no such table. The catalog alone is asked, so no
/// right on the table is needed.
const SHAPE: &str = concat!("WITH RECURSIVE ", include_str!("relation.sql"), include_str!("shape.sql"));

impl TableShape {
    /// Asks the database what a table looks like; `None` if there is no such table.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] and [`ErrorKind::Timeout`]: the server did not answer.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::TableShape;
    /// if let Some(users) = TableShape::fetch(db, ("app", "users")).await? {
    ///     println!("{} columns", users.columns.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch<'t>(on: impl Handle, table: impl Into<TableName<'t>>) -> Result<Option<Self>> {
        let table = table.into();
        let named = query(on, SHAPE).bind(table.schema).bind(table.name).bind(i64::from(FIRST_OWN));
        let found: Option<String> = named.named("table_shape").idempotent().fetch_optional().await?;
        let unreadable = |e: serde_json::Error| {
            Error::new(ErrorKind::Decode, "the catalog's answer cannot be read").on_table(table).caused_by(e)
        };
        found.map(|json| serde_json::from_str(&json).map_err(unreadable)).transpose()
    }

    /// A type by its key, with what it rests on.
    pub(super) fn type_info(&self, key: &str) -> TypeInfo {
        self.resolve(key, 0)
    }

    fn resolve(&self, key: &str, depth: u32) -> TypeInfo {
        // A file may hold a circle.
        let Some(ty) = self.types.get(key).filter(|_| depth < 32) else { return TypeInfo::UNKNOWN };
        let inner = |key: &String| Arc::new(self.resolve(key, depth + 1));
        let kind = match (&ty.base, &ty.element, &ty.labels) {
            (Some(base), ..) => TypeKind::Domain(inner(base)),
            (_, Some(element), _) => TypeKind::Array(inner(element)),
            (.., Some(_)) => TypeKind::Enum,
            _ => TypeKind::Plain,
        };
        let name = match &kind {
            TypeKind::Array(element) => format!("{}[]", element.name()),
            _ => ty.name.clone(),
        };
        TypeInfo::new(ty.oid.unwrap_or(0), name, kind).with_schema(ty.schema.clone())
    }

    /// The enum that a type is, or that it rests on.
    pub(super) fn enum_of(&self, key: &str) -> Option<&TypeShape> {
        let mut ty = self.types.get(key)?;
        for _ in 0..32 {
            match ty.base.as_ref().or(ty.element.as_ref()) {
                Some(inner) => ty = self.types.get(inner)?,
                None => break,
            }
        }
        ty.labels.is_some().then_some(ty)
    }
}

impl ConstraintShape {
    /// Whether it may be checked at the end of the transaction only, which the server writes behind all else.
    pub(super) fn deferrable(&self) -> bool {
        self.definition.trim_end_matches(" INITIALLY DEFERRED").ends_with(" DEFERRABLE")
    }
}

impl ColumnShape {
    /// Who fills it in, as a COPY asks for it.
    pub(super) fn made(&self) -> Made {
        match (&self.generated, self.identity.as_deref(), &self.default) {
            (Some(_), ..) => Made::Generated,
            (None, Some("a"), _) => Made::Always,
            (None, None, None) => Made::Plain,
            _ => Made::Default,
        }
    }
}
