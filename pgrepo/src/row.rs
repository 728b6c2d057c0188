//! Rows without a struct.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{Column, Row as _, ValueRef};

use crate::driver_row::type_info;
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Decode, TypeInfo, Value, ValueError, decode_field, sql_type_name};

/// A row of a result, its columns known by the names and types that the server gave them.
#[derive(Clone)]
pub struct Row {
    shape: Arc<Shape>,
    bytes: Vec<u8>,
    fields: Vec<Option<Range<usize>>>,
}

/// The columns of a result.
#[derive(Debug)]
pub(crate) struct Shape {
    columns: Vec<(String, TypeInfo)>,
}

impl Row {
    pub(crate) fn read(row: &PgRow, shape: &mut Option<Arc<Shape>>) -> Self {
        let shape = shape.get_or_insert_with(|| {
            let column = |c: &sqlx::postgres::PgColumn| (c.name().to_owned(), type_info(c.type_info()));
            Arc::new(Shape { columns: row.columns().iter().map(column).collect() })
        });
        let mut bytes = Vec::new();
        let mut fields = Vec::with_capacity(shape.columns.len());
        for i in 0..shape.columns.len() {
            let body = row.try_get_raw(i).ok().filter(|v| !v.is_null()).and_then(|v| v.as_bytes().ok());
            fields.push(body.map(|body| {
                let start = bytes.len();
                bytes.extend_from_slice(body);
                start..bytes.len()
            }));
        }
        Self { shape: Arc::clone(shape), bytes, fields }
    }

    /// The names and types of the columns.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// for row in db.query("SELECT * FROM users").fetch_rows().await? {
    ///     let names: Vec<&str> = row.columns().map(|(name, _)| name).collect();
    ///     println!("{}", names.join(", "));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn columns(&self) -> impl Iterator<Item = (&str, &TypeInfo)> {
        self.shape.columns.iter().map(|(name, ty)| (name.as_str(), ty))
    }

    /// Reads the column with the name, the first of several.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`]: there is no such column, or `V` does not stand for its type;
    /// [`ErrorKind::Decode`]: the value does not fit `V`.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// for row in db.query("SELECT id, name FROM users").fetch_rows().await? {
    ///     let (id, name): (i64, &str) = (row.get("id")?, row.get("name")?);
    ///     println!("{id}: {name}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get<'r, V: Decode<'r>>(&'r self, name: &str) -> Result<V> {
        let Some(index) = self.shape.columns.iter().position(|(n, _)| n == name) else {
            let names = self.columns().map(|(n, _)| n).collect::<Vec<_>>().join(", ");
            return Err(
                Error::new(ErrorKind::Mismatch, format!("the row has no such column; it has {names}")).at_column(name)
            );
        };
        self.get_at(index)
    }

    /// Reads the column at the place, counted from 0.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// for row in db.query("SELECT count(*), count(*) FILTER (WHERE active) FROM users").fetch_rows().await? {
    ///     let (all, active): (i64, i64) = (row.get_at(0)?, row.get_at(1)?);
    ///     println!("{active} of {all}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_at<'r, V: Decode<'r>>(&'r self, index: usize) -> Result<V> {
        let Some((name, ty)) = self.shape.columns.get(index) else {
            let message = format!("the row has {} columns and number {index} was asked for", self.fields.len());
            return Err(Error::new(ErrorKind::Mismatch, message));
        };
        if !V::accepts(ty) {
            let message =
                format!("the column is {ty} and `{}` stands for {}", std::any::type_name::<V>(), sql_type_name::<V>());
            return Err(Error::new(ErrorKind::Mismatch, message).at_column(name));
        }
        decode_field(ty, self.body(index)).map_err(|e| unreadable(name, ty, e))
    }

    /// The row as a JSON object, its members named like the columns; the forms are those of
    /// [`Value::to_json`](crate::Value::to_json). Of columns with the same name the last one stands.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`]: a column has a type or a value that [`Value`](crate::Value) cannot hold.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// for row in db.query("SELECT * FROM users").fetch_rows().await? {
    ///     println!("{}", row.to_json()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_json(&self) -> Result<serde_json::Value> {
        let member = |(index, (name, ty)): (usize, &(String, TypeInfo))| {
            let value = Value::decode_as(ty, self.body(index)).map_err(|e| unreadable(name, ty, e))?;
            Ok((name.clone(), value.to_json()))
        };
        self.shape.columns.iter().enumerate().map(member).collect()
    }

    fn body(&self, index: usize) -> Option<&[u8]> {
        self.bytes.get(self.fields.get(index)?.clone()?)
    }
}

fn unreadable(name: &str, ty: &TypeInfo, error: ValueError) -> Error {
    Error::new(ErrorKind::Decode, format!("the {ty} value cannot be read")).at_column(name).caused_by(error)
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.columns().map(|(name, ty)| format!("{name}: {ty}"))).finish()
    }
}
