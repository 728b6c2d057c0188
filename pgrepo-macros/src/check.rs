use std::collections::HashMap;

use proc_macro2::Ident;
use syn::LitStr;

use crate::ast::{Absence, Kind, Record, Table};
use crate::constraint;
use crate::ctxt::Ctxt;
use crate::generics;
use crate::index;
use crate::sql_type::SqlType;
use crate::symbol::{Symbol, UNIQUE, listed};

/// The most bytes of an identifier
/// (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>).
pub(crate) const MAX_IDENTIFIER: usize = 63;

/// The most columns of a table (<https://www.postgresql.org/docs/current/limits.html>).
const MAX_COLUMNS: usize = 1600;

/// Checks what can be seen without types.
pub(crate) fn record(ctxt: &Ctxt, record: &Record<'_>) {
    if let Some(table) = &record.table {
        identifier(ctxt, &table.name, "a table's name");
        if let Some(schema) = &table.schema {
            identifier(ctxt, schema, "a schema's name");
        }
        new_struct(ctxt, record);
        unique(ctxt, record, table);
        constraint::check(ctxt, record, table);
        index::check(ctxt, record, table);
        version(ctxt, record);
    }
    names(ctxt, record);
    constants(ctxt, record);
    embedded(ctxt, record);
    absent(ctxt, record);
    projected(ctxt, record);
    declared(ctxt, record);
    lifetimes(ctxt, record);
}

/// Checks a name that PostgreSQL must take as it is.
pub(crate) fn identifier(ctxt: &Ctxt, name: &LitStr, what: &str) {
    let text = name.value();
    if text.is_empty() {
        ctxt.error(name, format_args!("{what} cannot be empty"));
    } else if text.contains('\0') {
        ctxt.error(name, format_args!("{what} cannot hold a NUL character"));
    } else if text.len() > MAX_IDENTIFIER {
        let length = text.len();
        ctxt.error(
            name,
            format_args!(
                "{what} has at most {MAX_IDENTIFIER} bytes and this one has {length}: PostgreSQL would cut it"
            ),
        );
    }
}

/// Checks a piece of SQL that is put into a statement as it stands.
pub(crate) fn sql(ctxt: &Ctxt, text: &LitStr) {
    let sql = text.value();
    if sql.trim().is_empty() {
        ctxt.error(text, "an expression of SQL cannot be empty");
    } else if sql.contains('\0') {
        ctxt.error(text, "an expression of SQL cannot hold a NUL character");
    }
}

fn names(ctxt: &Ctxt, record: &Record<'_>) {
    let mut seen: HashMap<String, &Ident> = HashMap::new();
    let mut columns = 0_usize;
    for field in &record.fields {
        match field.kind {
            Kind::Skip => {}
            Kind::Flat => {
                columns += 1;
                if !field.column.value().is_empty() {
                    identifier(ctxt, &field.column, "a prefix");
                }
            }
            Kind::Plain | Kind::Json | Kind::Driver => {
                columns += 1;
                identifier(ctxt, &field.column, "a column's name");
                let name = field.column.value();
                if let Some(first) = seen.get(&name) {
                    ctxt.error(
                        &field.column,
                        format_args!("the column {name:?} is already that of the field `{first}`"),
                    );
                } else {
                    seen.insert(name, field.ident);
                }
                if columns == MAX_COLUMNS + 1 {
                    ctxt.error(
                        field.ident,
                        format_args!("a table has at most {MAX_COLUMNS} columns, and this is the one after"),
                    );
                }
            }
        }
    }
    if columns == 0 {
        ctxt.error(&record.input.ident, "this struct has no columns");
    }
}

fn constants(ctxt: &Ctxt, record: &Record<'_>) {
    let mut seen: HashMap<String, &Ident> = HashMap::new();
    for field in record.fields.iter().filter(|f| f.kind != Kind::Skip && f.constant != "_") {
        if let Some(first) = seen.get(&field.constant.to_string()) {
            ctxt.error(
                &field.constant,
                format_args!(
                    "the constant `{}` is already that of the field `{first}`; name one: #[pg(constant = \"…\")]",
                    field.constant
                ),
            );
        } else {
            seen.insert(field.constant.to_string(), field.ident);
        }
    }
}

fn embedded(ctxt: &Ctxt, record: &Record<'_>) {
    for field in record.fields.iter().filter(|f| f.kind == Kind::Flat) {
        if let Some(parameter) = generics::parameter_in(&record.input.generics, field.ty) {
            ctxt.error(
                field.ty,
                format_args!("an embedded struct's columns must be known here, and this one depends on `{parameter}`"),
            );
        }
    }
}

fn projected(ctxt: &Ctxt, record: &Record<'_>) {
    for field in record.fields.iter().filter(|f| record.of.is_some() && f.absence.is_some()) {
        let message = "`of` and `Option` contradict each other: a struct that may be absent is read from a joined table, \
                       and the columns of this one are read from one table alone";
        ctxt.error(field.ty, message);
    }
}

fn absent(ctxt: &Ctxt, record: &Record<'_>) {
    for field in record.fields.iter().filter(|f| f.absence.is_some()) {
        if record.table.as_ref().is_some_and(|t| !t.read_only) {
            ctxt.error(
                field.ty,
                "a row of a table is always there: an embedded struct that may be absent is that of a join; derive \
                 PgRecord, or mark the struct read_only if it stands for a view",
            );
        }
        if let Some(Absence::Marker(column)) = &field.absence {
            identifier(ctxt, column, "a marker's name");
        }
    }
}

fn declared(ctxt: &Ctxt, record: &Record<'_>) {
    for field in &record.fields {
        if let (Some(SqlType { name, .. }), Some(parameter)) =
            (&field.sql_type, generics::parameter_in(&record.input.generics, field.ty))
        {
            ctxt.error(name, format_args!("the field's type depends on `{parameter}`, which decides on the SQL type"));
        }
    }
}

fn lifetimes(ctxt: &Ctxt, record: &Record<'_>) {
    if let Some(second) = record.input.generics.lifetimes().nth(1) {
        ctxt.error(
            &second.lifetime,
            "a row borrows from one buffer, so its struct has at most one lifetime; \
             a struct that is only written may have more: derive PgInsert",
        );
    }
}

fn new_struct(ctxt: &Ctxt, record: &Record<'_>) {
    let Some(new) = record.table.as_ref().and_then(|t| t.new.as_ref()) else { return };
    let kept: Vec<_> = record.new_fields().map(|f| f.ty).collect();
    for parameter in record.input.generics.type_params() {
        if !kept.iter().any(|ty| generics::mentions(ty, &parameter.ident)) {
            ctxt.error(
                &new.name,
                format_args!(
                    "`{}` would not use the parameter `{}`: write it yourself with PgInsert",
                    new.name, parameter.ident
                ),
            );
        }
    }
}

/// The names in a list with commas.
pub(crate) fn split(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

/// A list names columns of the struct, each once; those of embedded structs are looked for when types are known.
pub(crate) fn columns(ctxt: &Ctxt, record: &Record<'_>, text: &LitStr, key: Symbol, columns: &[String]) {
    let own: Vec<String> = record.fields.iter().filter(|f| f.is_column()).map(|f| f.column.value()).collect();
    let embeds = record.fields.iter().any(|f| f.kind == Kind::Flat);
    for (i, column) in columns.iter().enumerate() {
        if column.is_empty() {
            let example =
                format_args!("`{key}` takes the names of columns, with commas: #[pg({key} = \"org_id, name\")]");
            ctxt.error(text, example);
        } else if columns.iter().take(i).any(|other| other == column) {
            ctxt.error(text, format_args!("the column {column:?} is named twice"));
        } else if !embeds && !own.contains(column) {
            ctxt.error(text, format_args!("there is no column {column:?}; the struct has {}", listed(&own)));
        }
    }
}

fn unique(ctxt: &Ctxt, record: &Record<'_>, table: &Table) {
    let mut seen: Vec<&Ident> = Vec::new();
    for set in &table.unique {
        columns(ctxt, record, &set.text, UNIQUE, &set.columns);
        let constant = &set.constant;
        if seen.contains(&constant) || record.fields.iter().any(|f| f.constant == *constant) {
            ctxt.error(&set.text, format_args!("the constant `{constant}` is there already"));
        }
        seen.push(constant);
    }
}

fn version(ctxt: &Ctxt, record: &Record<'_>) {
    let mut versions = record.fields.iter().filter(|f| f.version);
    if let (Some(first), Some(second)) = (versions.next(), versions.next()) {
        ctxt.error(second.ident, format_args!("a row has one version, and the field `{}` is it already", first.ident));
    }
}
