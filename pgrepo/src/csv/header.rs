//! The header of CSV compared with what a type reads, before the first row.

use crate::error::{Error, ErrorKind, Result};

use super::CsvOptions;
use super::record::{Column, Shape};

/// The columns that a header names; an error names all that a type does not read, or lacks.
pub(super) fn columns(names: Vec<String>, shape: Shape, options: &CsvOptions) -> Result<Vec<Column>> {
    let twice = names.iter().enumerate().find(|(i, name)| names.iter().take(*i).any(|other| other == *name));
    if let Some((_, name)) = twice {
        return Err(mismatch("the header names the column twice").at_column(name));
    }
    let fields = match shape {
        Shape::Struct(fields) => fields,
        Shape::Tuple(length) if length != names.len() => {
            return Err(mismatch(format!("the header has {} columns where {length} are read", names.len())));
        }
        Shape::Tuple(_) | Shape::Any => {
            return Ok(names.into_iter().map(|name| Column { name, read: true }).collect());
        }
    };
    let is_read = |name: &String| fields.contains(&&**name);
    let unknown = list(names.iter().filter(|name| !is_read(name)).map(String::as_str));
    if !unknown.is_empty() && !options.ignore_unknown {
        return Err(mismatch(format!(
            "the header names columns that are not read: {unknown}; the fields are {}, and CsvOptions::ignore_unknown \
             leaves out the others",
            list(fields.iter().copied())
        )));
    }
    let missing = list(fields.iter().copied().filter(|field| !names.iter().any(|name| name == field)));
    if !missing.is_empty() && !options.allow_missing {
        return Err(mismatch(format!(
            "the header lacks columns that are read: {missing}; it names {}, and CsvOptions::allow_missing gives the others \
             their defaults",
            list(names.iter().map(String::as_str))
        )));
    }
    Ok(names.into_iter().map(|name| Column { read: is_read(&name), name }).collect())
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

pub(super) fn mismatch(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Mismatch, message)
}
