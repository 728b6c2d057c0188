//! What the server knows of a table.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::config::{listed, nearest};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Db, Handle};
use crate::query::query;
use crate::table::{PgTable, TableName};

use super::seconds;
use super::shape::ConstraintShape;
use super::shown::{Ago, Bytes, Line};

const OPERATION: &str = "table_info";

const INFO: &str = concat!("WITH ", include_str!("relation.sql"), include_str!("info.sql"));

/// A table as the server knows it: what [`Db::table_info`] returns.
///
/// All of it is told by one statement over the catalog, so no right on the table is needed, and no lock is waited for but
/// where another changes it at that moment. Serialised, times are seconds since 1970; shown by `{}`, it is a few aligned
/// lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableInfo {
    /// The schema that it is in.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is, by the letter of `pg_class.relkind`: `r` for a table, `p` for a partitioned one, `v` for a view, `m` for
    /// a materialised one, `f` for a foreign table.
    pub kind: String,
    /// Its comment.
    pub comment: Option<String>,
    /// Whether row-level security is on.
    pub row_security: bool,
    /// Its columns, in the table's order.
    pub columns: Vec<ColumnInfo>,
    /// Its primary key, unique sets, checks, foreign keys and exclusions, by their names.
    pub constraints: Vec<ConstraintShape>,
    /// Its indexes, by their names; those of the constraints, too.
    pub indexes: Vec<IndexInfo>,
    /// Its size on disk, with that of its partitions.
    pub size: TableSize,
    /// How many rows the planner takes it to have, all partitions together; `None` before the first `ANALYZE` or `VACUUM`,
    /// and for a view.
    pub estimated_rows: Option<u64>,
    /// How many rows the statistics count as live, all partitions together, as are the counts that follow; they do not
    /// survive a crash of the server.
    pub live_rows: u64,
    /// How many rows are dead and not yet cleaned up.
    pub dead_rows: u64,
    /// How often it was read from its beginning to its end.
    pub sequential_scans: u64,
    /// When it was last vacuumed by hand, or the last of its partitions was; so it is with the times that follow.
    #[serde(with = "seconds::time")]
    pub last_vacuum: Option<SystemTime>,
    /// When it was last vacuumed by the server itself.
    #[serde(with = "seconds::time")]
    pub last_autovacuum: Option<SystemTime>,
    /// When it was last analysed by hand.
    #[serde(with = "seconds::time")]
    pub last_analyze: Option<SystemTime>,
    /// When it was last analysed by the server itself.
    #[serde(with = "seconds::time")]
    pub last_autoanalyze: Option<SystemTime>,
    /// What it is partitioned by: `RANGE (day)`.
    pub partition_key: Option<String>,
    /// Its partitions; those of a partition are not listed.
    pub partitions: Vec<PartitionInfo>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Its type as SQL writes it: `character varying(20)`.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether it may hold NULL.
    pub nullable: bool,
    /// The SQL of its default.
    pub default: Option<String>,
    /// The SQL that it is computed from.
    pub generated: Option<String>,
    /// Whether it is computed when it is read, and not stored: PostgreSQL 18 has such columns.
    #[serde(default, rename = "virtual")]
    pub is_virtual: bool,
    /// How it is numbered, by the letter of `pg_attribute.attidentity`: `a` always, `d` by default.
    pub identity: Option<String>,
    /// Its comment.
    pub comment: Option<String>,
}

/// An index of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// Its access method: `btree`, `gin`.
    pub method: String,
    /// The statement that makes it, as the server writes it.
    pub definition: String,
    /// Whether no two rows share its values.
    pub unique: bool,
    /// Whether queries use it: one that could not be built is not valid.
    pub valid: bool,
    /// Its size on disk, with that of its partitions.
    pub size_bytes: u64,
    /// How often it was used since the statistics began.
    pub scans: u64,
}

/// Bytes on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableSize {
    /// The rows, with the maps of free space.
    pub table_bytes: u64,
    /// What is kept beside the rows because it is long, with its index.
    pub toast_bytes: u64,
    /// The indexes.
    pub index_bytes: u64,
    /// All together.
    pub total_bytes: u64,
}

/// A part of a partitioned table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionInfo {
    /// The schema that it is in.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Which rows are in it: `FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`.
    pub bounds: String,
    /// Its size on disk with its indexes.
    pub total_bytes: u64,
}

impl TableInfo {
    /// Asks for it: what [`Db::table_info_of`] calls, also in a transaction.
    ///
    /// # Errors
    /// As [`Db::table_info_of`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut tx = db.begin().await?;
    /// let users = pgrepo::TableInfo::fetch(&mut tx, ("app", "users")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch<'t>(mut on: impl Handle, table: impl Into<TableName<'t>>) -> Result<Self> {
        let table = table.into();
        let blame = |error: Error| error.on_table(table).during(OPERATION);
        let asked = query(on.reborrow(), INFO).bind(table.schema).bind(table.name);
        let found: Option<String> = asked.named(OPERATION).idempotent().fetch_optional().await.map_err(blame)?;
        let Some(found) = found else {
            let names = query(on, include_str!("names.sql")).named(OPERATION).idempotent();
            let names: Vec<(String, String)> = names.fetch_all().await.map_err(blame)?;
            return Err(blame(not_found(table, &names)));
        };
        serde_json::from_str(&found)
            .map_err(|e| blame(Error::new(ErrorKind::Decode, "the catalog's answer cannot be read").caused_by(e)))
    }

    /// The primary key, if it has one.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.table_info_of(("app", "users")).await?;
    /// assert_eq!(users.primary_key().map(|key| &*key.columns), Some(&["id".to_owned()][..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn primary_key(&self) -> Option<&ConstraintShape> {
        self.constraints.iter().find(|one| one.kind == "p")
    }
}

/// The error of a table that is not there, with those that may be meant.
fn not_found(table: TableName<'_>, names: &[(String, String)]) -> Error {
    const NAMED: usize = 5;
    let full = |(schema, name): &(String, String)| format!("{schema}.{name}");
    let mut near: Vec<String> = names.iter().filter(|(_, name)| name == table.name).map(full).collect();
    if near.is_empty() {
        let here = names.iter().filter(|(schema, _)| table.schema.is_none_or(|wanted| wanted == schema));
        let nearest = nearest(table.name, here.clone().map(|(_, name)| &**name));
        near = here.filter(|(_, name)| nearest == Some(name)).map(full).collect();
    }
    near.truncate(NAMED);
    let schemas = || names.iter().map(|(schema, _)| &**schema);
    let dotted = || names.iter().find(|named| table.schema.is_none() && full(named) == table.name);
    let message = match table.schema {
        _ if !near.is_empty() => {
            format!("there is no such table or view: did you mean {}?", listed(near.iter().map(|name| &**name)))
        }
        None if let Some((schema, name)) = dotted() => {
            format!("there is no such table or view; the schema stands by itself: ({schema:?}, {name:?})")
        }
        Some(schema) if !schemas().any(|known| known == schema) => match nearest(schema, schemas()) {
            Some(near) => format!("there is no such table or view, and none in that schema: did you mean {near}?"),
            None => "there is no such table or view, and none in that schema".to_owned(),
        },
        Some(_) => "there is no such table or view in that schema".to_owned(),
        None => "there is no such table or view on the search_path".to_owned(),
    };
    Error::new(ErrorKind::Mismatch, message)
}

impl Db {
    /// Asks the server about the table of a struct: its columns, constraints and indexes as they are, its size, its rows by
    /// estimate, and when it was last cleaned up.
    ///
    /// The server sees one statement over its catalog. [`verify`](Self::verify) tells whether the struct fits it.
    ///
    /// # Errors
    /// As [`table_info_of`](Self::table_info_of).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.table_info::<User>().await?;
    /// println!("{users}");
    /// for index in users.indexes.iter().filter(|index| index.scans == 0) {
    ///     println!("{} was never used", index.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn table_info<T: PgTable + ?Sized>(&self) -> Result<TableInfo> {
        TableInfo::fetch(self, TableName { schema: T::TABLE.schema, name: T::TABLE.name }).await
    }

    /// [`table_info`](Self::table_info) of a table that is known by its name only; without a schema it is looked for on the
    /// `search_path`.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`]: there is no such table or view, with those that may be meant; else the server could not be
    /// asked.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.table_info_of(("app", "users")).await?;
    /// println!("{} columns, {:?} rows", users.columns.len(), users.estimated_rows);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn table_info_of<'t>(&self, table: impl Into<TableName<'t>>) -> Result<TableInfo> {
        TableInfo::fetch(self, table).await
    }
}

impl fmt::Display for TableInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &*self.kind {
            "p" => "partitioned table",
            "v" => "view",
            "m" => "materialised view",
            "f" => "foreign table",
            _ => "table",
        };
        write!(f, "{kind} {}.{}", self.schema, self.name)?;
        if let Some(comment) = &self.comment {
            write!(f, ": {comment}")?;
        }
        let rows = self.estimated_rows.map_or("unknown before ANALYZE".to_owned(), |rows| format!("about {rows}"));
        write!(f, "\n{}{rows}; {} dead", Line("rows"), self.dead_rows)?;
        let TableSize { table_bytes, toast_bytes, index_bytes, total_bytes } = self.size;
        write!(f, "\n{}{}: table {}", Line("size"), Bytes(total_bytes), Bytes(table_bytes))?;
        write!(f, ", long values {}, indexes {}", Bytes(toast_bytes), Bytes(index_bytes))?;
        let vacuum = self.last_vacuum.max(self.last_autovacuum);
        let analyze = self.last_analyze.max(self.last_autoanalyze);
        write!(f, "\n{}", Line("vacuumed, analysed"))?;
        match vacuum {
            Some(_) => write!(f, "{}", Ago("vacuumed", vacuum))?,
            None => f.write_str("never vacuumed")?,
        }
        match analyze {
            Some(_) => write!(f, "{}", Ago(", analysed", analyze))?,
            None => f.write_str(", never analysed")?,
        }
        let width = self.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
        for column in &self.columns {
            write!(f, "\n    {:<width$}  {column}", column.name)?;
        }
        for one in &self.constraints {
            write!(f, "\n    {} {}", one.name, one.definition)?;
        }
        for index in &self.indexes {
            let invalid = if index.valid { "" } else { ", NOT VALID" };
            let (size, definition) = (Bytes(index.size_bytes), &index.definition);
            write!(f, "\n    {definition}: {size}, {} scans{invalid}", index.scans)?;
        }
        if let Some(key) = &self.partition_key {
            write!(f, "\n    PARTITION BY {key}")?;
        }
        for one in &self.partitions {
            write!(f, "\n    {}.{} {}: {}", one.schema, one.name, one.bounds, Bytes(one.total_bytes))?;
        }
        Ok(())
    }
}

impl fmt::Display for ColumnInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ty)?;
        if !self.nullable {
            f.write_str(" NOT NULL")?;
        }
        if let Some(identity) = &self.identity {
            let when = if identity == "a" { "ALWAYS" } else { "BY DEFAULT" };
            write!(f, " GENERATED {when} AS IDENTITY")?;
        }
        if let Some(default) = &self.default {
            write!(f, " DEFAULT {default}")?;
        }
        if let Some(generated) = &self.generated {
            write!(f, " GENERATED AS ({generated})")?;
            f.write_str(if self.is_virtual { " VIRTUAL" } else { "" })?;
        }
        self.comment.as_ref().map_or(Ok(()), |comment| write!(f, "  -- {comment}"))
    }
}
