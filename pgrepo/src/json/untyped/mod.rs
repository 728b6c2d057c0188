//! Documents of tables that are known at run time only.

use std::collections::HashSet;
use std::fmt;
use std::pin::pin;

use serde::Serialize;
use serde_json::value::to_raw_value;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Handle, Param};
use crate::query::{open, open_again};
use crate::row::Row;
use crate::table::{FromRow, TableName, quote_ident};
use crate::value::Value;

mod path;

use path::Path;

/// Stores a document in a new row.
pub(crate) async fn insert_json<'c, H: Handle>(
    on: H,
    table: TableName<'_>,
    column: &str,
    document: &(impl Serialize + ?Sized),
    others: impl IntoIterator<Item = (&'c str, Value)>,
) -> Result<u64> {
    const OPERATION: &str = "insert_json";
    let fail = |e: Error| e.during(OPERATION).naming().on_table(table);
    let written = to_raw_value(document).map_err(|e| unwritable(column, e)).map_err(fail)?;
    let (names, values): (Vec<&str>, Vec<Value>) = others.into_iter().unzip();
    let columns: Vec<&str> = std::iter::once(column).chain(names).collect();
    let told = on.observe(OPERATION, table.into());
    told.watch(pin!(insert(on, OPERATION, table, &columns, &written, &values))).await.map_err(fail)
}

async fn insert<H: Handle>(
    mut on: H,
    operation: &'static str,
    table: TableName<'_>,
    columns: &[&str],
    document: &serde_json::value::RawValue,
    values: &[Value],
) -> Result<u64> {
    let known = Columns::of(on.reborrow(), operation, table).await?;
    let mut seen = HashSet::new();
    for (index, name) in columns.iter().enumerate() {
        if !seen.insert(name) {
            return Err(Error::new(ErrorKind::Mismatch, "the column is named twice").at_column(name));
        }
        let found = if index == 0 { known.document(name)?.0 } else { known.named(name)? };
        if found.generated {
            return Err(Error::new(ErrorKind::Mismatch, "the server computes this column").at_column(name));
        }
    }
    let names = columns.iter().map(|c| quote_ident(c)).collect::<Vec<_>>().join(", ");
    let places = (1..=columns.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    let sql = format!("INSERT INTO {} ({names}) VALUES ({places})", table.quoted());
    let boxed = document.to_owned();
    let params: Vec<&Param<'_>> =
        std::iter::once::<&Param<'_>>(&boxed).chain(values.iter().map(|v| v as &Param<'_>)).collect();
    open(on, operation, &sql, &params, None).await?.count().await
}

/// Reads the rows whose documents hold the value at the path.
pub(crate) async fn query_json<H: Handle>(
    on: H,
    table: TableName<'_>,
    column: &str,
    path: &str,
    value: impl Serialize,
) -> Result<Vec<Row>> {
    const OPERATION: &str = "query_json";
    let fail = |e: Error| e.during(OPERATION).naming().on_table(table);
    let value = finite(column, value).map_err(fail)?;
    let asked = Path::read(path).and_then(|path| path.asks(value)).map_err(|e| fail(e.at_column(column)))?;
    let told = on.observe(OPERATION, table.into());
    told.watch(pin!(find(on, OPERATION, table, column, asked))).await.map_err(fail)
}

async fn find<H: Handle>(
    mut on: H,
    operation: &'static str,
    table: TableName<'_>,
    column: &str,
    asked: Asked,
) -> Result<Vec<Row>> {
    let known = Columns::of(on.reborrow(), operation, table).await?;
    let (_, cast) = known.document(column)?;
    let (table, column) = (table.quoted(), quote_ident(column));
    let (sql, texts, document) = match asked {
        Asked::Contained(document) => {
            (format!("SELECT * FROM {table} WHERE {column}{cast} @> $1::jsonb"), None, document)
        }
        Asked::Path { path, variables } => {
            let sql = format!(
                "SELECT * FROM {table} \
                 WHERE pg_catalog.jsonb_path_exists({column}{cast}, $1::text::jsonpath, $2::jsonb, true)"
            );
            (sql, Some(path), variables)
        }
    };
    let mut params: Vec<&Param<'_>> = Vec::new();
    if let Some(path) = &texts {
        params.push(path);
    }
    params.push(&document);
    open_again(on, operation, &sql, &params, None).await?.rows().await
}

/// What a path and a value ask of a document.
#[derive(Debug, PartialEq)]
enum Asked {
    /// That it contains this one, which an index can answer.
    Contained(serde_json::Value),
    /// That the path finds something in it, with these variables.
    Path { path: String, variables: serde_json::Value },
}

/// The columns of a table, as the server has them.
struct Columns(Vec<Known>);

struct Known {
    name: String,
    /// The type; of a domain the one that it is made of.
    ty: String,
    generated: bool,
}

impl Columns {
    /// Asks the catalog. The table's name is a value there: no statement names what is not there.
    async fn of<H: Handle>(on: H, operation: &'static str, table: TableName<'_>) -> Result<Self> {
        const SQL: &str = "WITH RECURSIVE found AS ( \
            SELECT a.attname, a.attnum, a.atttypid, a.attgenerated FROM pg_catalog.pg_class c \
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
            WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
            UNION ALL SELECT f.attname, f.attnum, t.typbasetype, f.attgenerated FROM found f \
            JOIN pg_catalog.pg_type t ON t.oid = f.atttypid AND t.typbasetype <> 0) \
            SELECT f.attname::text, pg_catalog.format_type(f.atttypid, NULL), f.attgenerated <> '' FROM found f \
            JOIN pg_catalog.pg_type t ON t.oid = f.atttypid AND t.typbasetype = 0 ORDER BY f.attnum";
        type Found = (String, String, bool);
        if let Some(problem) = table.problem() {
            return Err(Error::new(ErrorKind::Mismatch, problem));
        }
        let name = table.quoted();
        let params: Vec<&Param<'_>> = vec![&name];
        let run = open_again(on, operation, SQL, &params, Some(<Found as FromRow>::FIELDS)).await?;
        let known = run.aside().all::<Found>().await?;
        if known.is_empty() {
            let message = "the server finds no such table in the schema named, or without one in its search_path";
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        Ok(Self(known.into_iter().map(|(name, ty, generated)| Known { name, ty, generated }).collect()))
    }

    fn named(&self, name: &str) -> Result<&Known> {
        self.0.iter().find(|c| c.name == name).ok_or_else(|| {
            let names = self.0.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("the table has no such column; it has {names}");
            Error::new(ErrorKind::Mismatch, message).at_column(name)
        })
    }

    /// The column of the documents, and the cast that makes it jsonb.
    fn document(&self, name: &str) -> Result<(&Known, &'static str)> {
        let column = self.named(name)?;
        match &*column.ty {
            "jsonb" => Ok((column, "")),
            "json" => Ok((column, "::jsonb")),
            ty => {
                let message = format!("the column is {ty}, and documents are kept in jsonb or json");
                Err(Error::new(ErrorKind::Mismatch, message).at_column(name))
            }
        }
    }
}

/// The value as JSON. A number that JSON does not have would be null, and find other rows than were meant.
fn finite(column: &str, value: impl Serialize) -> Result<serde_json::Value> {
    let written = serde_json::to_value(&value).map_err(|e| unwritable(column, e))?;
    let single = if written.is_null() { Plain(value).to_string() } else { String::new() };
    if matches!(&*single, "NaN" | "inf" | "-inf") {
        let message = format!("JSON has no number {single}");
        return Err(Error::new(ErrorKind::Encode, message).at_column(column));
    }
    Ok(written)
}

/// A single value as Rust writes it; nothing for what has parts, or is none.
struct Plain<V>(V);

impl<V: Serialize> fmt::Display for Plain<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f).or(Ok(()))
    }
}

fn unwritable(column: &str, error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Encode, "the value cannot be written as JSON").at_column(column).caused_by(error)
}
