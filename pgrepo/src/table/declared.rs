//! What a struct declares about its table beside the columns.

use super::{Name, quote_ident};

/// What sort of constraint a struct declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintMetaKind {
    /// The primary key.
    Key,
    /// A unique set.
    UniqueSet,
    /// A check constraint.
    Check,
    /// A foreign key.
    ForeignKey,
    /// An exclusion constraint.
    Exclude,
}

/// A constraint that a struct declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConstraintMeta {
    /// What sort it is.
    pub kind: ConstraintMetaKind,
    /// Its name: the one that is declared, or the one that PostgreSQL makes.
    pub name: &'static str,
    /// Whether the name matters: it is declared, or an enum of the constraints stands for it.
    pub named: bool,
    /// The columns of the key or of the unique set.
    pub columns: &'static [Name],
    /// The condition of a check; of a foreign key or an exclusion constraint what SQL writes behind these words.
    pub sql: Option<&'static str>,
}

impl ConstraintMeta {
    /// A constraint by its name, and the columns of a key or a unique set; the derive calls this.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ConstraintMeta, ConstraintMetaKind, Name};
    /// const EMAIL: ConstraintMeta =
    ///     ConstraintMeta::new(ConstraintMetaKind::UniqueSet, "users_email_key", &[Name::new("email")]);
    /// assert!(!EMAIL.named);
    /// ```
    pub const fn new(kind: ConstraintMetaKind, name: &'static str, columns: &'static [Name]) -> Self {
        Self { kind, name, named: false, columns, sql: None }
    }

    /// The same, whose name matters.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ConstraintMeta, ConstraintMetaKind};
    /// assert!(ConstraintMeta::new(ConstraintMetaKind::Check, "positive", &[]).named().named);
    /// ```
    pub const fn named(self) -> Self {
        Self { named: true, ..self }
    }

    /// The same with its SQL.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{ConstraintMeta, ConstraintMetaKind};
    /// const POSITIVE: ConstraintMeta = ConstraintMeta::new(ConstraintMetaKind::Check, "positive", &[]).defined("n > 0");
    /// assert_eq!(POSITIVE.sql, Some("n > 0"));
    /// ```
    pub const fn defined(self, sql: &'static str) -> Self {
        Self { sql: Some(sql), ..self }
    }
}

/// An index that a struct declares: of columns, of a document, or of a path into one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexMeta {
    /// Its name, as it is.
    pub name: String,
    /// What SQL writes behind the table's name, such as `USING gin ("location" jsonb_path_ops)`.
    pub sql: String,
    /// Whether this SQL is the user's: the server says it in words of its own, so such an index is found by its name.
    pub written: bool,
}

impl IndexMeta {
    pub(crate) fn new(name: String, sql: String) -> Self {
        Self { name, sql, written: false }
    }

    /// The statement that makes it on a table, whose name is quoted.
    pub(crate) fn ddl(&self, table: &str) -> String {
        format!("CREATE INDEX {} ON {table} {}", quote_ident(&self.name), self.sql)
    }
}

/// A B-tree index of columns, by `#[pg(index = "…")]`.
#[doc(hidden)]
pub fn column_index(name: &str, columns: &[&str]) -> IndexMeta {
    let columns = columns.iter().map(|column| quote_ident(column)).collect::<Vec<_>>().join(", ");
    IndexMeta::new(name.to_owned(), format!("USING btree ({columns})"))
}

/// An index by its SQL, by the same.
#[doc(hidden)]
pub fn written_index(name: &str, sql: &str) -> IndexMeta {
    IndexMeta { written: true, ..IndexMeta::new(name.to_owned(), sql.to_owned()) }
}

/// All that a struct declares: generated code has no trait in scope that would make a `Vec` of an array.
#[doc(hidden)]
pub fn index_list<const N: usize>(all: [IndexMeta; N]) -> Vec<IndexMeta> {
    all.into()
}
