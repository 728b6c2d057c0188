//! The DDL that makes a table what its struct describes, difference by difference.

use crate::table::{ColumnMeta, ConstraintMeta, Made, TableMeta, TableName, literal, quote_ident};
use crate::value::TypeInfo;

use super::ddl::{self, column_definition, column_type, ident, quoted};
use super::diff::Mend;
use super::live::{Key, Live, LiveColumn};

const DROPS: &str = "drops a column with its values";
const CONVERTS: &str = "converts the column's values, which may round or cut them";

pub(super) fn statement(sql: String) -> Mend {
    Mend { statements: vec![sql], ..Mend::default() }
}

fn advice(text: String) -> Mend {
    Mend { advice: Some(text), ..Mend::default() }
}

/// The table itself.
pub(super) fn create(table: &TableMeta) -> Mend {
    let sql = ddl::create(table);
    statement(sql.trim_end().trim_end_matches(';').to_owned())
}

/// `ALTER TABLE … ALTER COLUMN …`.
fn alter_column(table: &TableMeta, column: &ColumnMeta, what: &str) -> String {
    format!("ALTER TABLE {} ALTER COLUMN {} {what}", quoted(table), ident(&column.spec.name))
}

pub(super) fn alter(table: &TableMeta, column: &ColumnMeta, what: &str) -> Mend {
    statement(alter_column(table, column, what))
}

pub(super) fn add_column(table: &TableMeta, column: &ColumnMeta) -> Mend {
    let (definition, unknown) = column_definition(column);
    let mut statements = made_first(column);
    if column.types.is_empty() {
        return advice(format!("add the column: the SQL type of a `{}` is not known here", column.rust_type()));
    }
    if let (Some(note), true) = (&unknown, column.spec.generated) {
        return advice(format!("add the column: {note}"));
    }
    statements.push(format!("ALTER TABLE {} ADD COLUMN {} {definition}", quoted(table), ident(&column.spec.name)));
    Mend { statements, loses: None, advice: unknown }
}

/// What has to be there before the column is.
fn made_first(column: &ColumnMeta) -> Vec<String> {
    let schemas = column.made().map(ddl::schemas_of).unwrap_or_default();
    let schemas = schemas.iter().rev().map(|schema| format!("CREATE SCHEMA IF NOT EXISTS {}", quote_ident(schema)));
    schemas.chain(ddl::types(column)).collect()
}

pub(super) fn drop_column(table: &TableMeta, column: &str) -> Mend {
    let sql = format!("ALTER TABLE {} DROP COLUMN {}", quoted(table), quote_ident(column));
    Mend { statements: vec![sql], loses: Some(DROPS), advice: None }
}

/// Drops a column and adds it as it is declared: what is computed cannot be made so later, nor of another type.
fn replace_column(table: &TableMeta, column: &ColumnMeta) -> Mend {
    let Mend { statements, advice, .. } = add_column(table, column);
    if statements.is_empty() {
        return Mend { advice, ..Mend::default() };
    }
    let mut all = drop_column(table, &column.spec.name.to_string()).statements;
    all.extend(statements);
    Mend { statements: all, loses: Some(DROPS), advice }
}

pub(super) fn set_type(table: &TableMeta, column: &ColumnMeta, found: Option<&LiveColumn>) -> Mend {
    if column.types.is_empty() {
        return advice(format!("the SQL type of a `{}` is not known here", column.rust_type()));
    }
    if found.is_some_and(|found| found.made == Made::Generated) {
        return replace_column(table, column);
    }
    let (ty, unlimited) = (column_type(column), ddl::unlimited_type(column));
    let mut statements = made_first(column);
    let default = found.and_then(|found| found.default.as_deref());
    if default.is_some() {
        statements.push(alter_column(table, column, "DROP DEFAULT"));
    }
    let name = ident(&column.spec.name);
    // Text stands between types that have no cast of their own.
    let through = if found.is_some_and(|found| casts(&found.ty, column)) { "" } else { "::text" };
    statements.push(alter_column(table, column, &format!("TYPE {ty} USING {name}{through}::{unlimited}")));
    match (default, column.spec.expression) {
        (Some(_), Some(own)) => statements.push(alter_column(table, column, &format!("SET DEFAULT ({own})"))),
        (Some(before), None) => statements.push(alter_column(table, column, &format!("SET DEFAULT {before}"))),
        (None, _) => {}
    }
    let loses = found.is_none_or(|found| !keeps(&found.ty, column) || cuts(column, &found.ty, None));
    Mend { statements, loses: loses.then_some(CONVERTS), advice: None }
}

/// Gives a column of the declared type its limit. What is too long is refused, since no explicit cast asks to cut it, but for
/// blanks at its end. What is computed is computed anew.
pub(super) fn set_modifier(table: &TableMeta, column: &ColumnMeta, found: &LiveColumn) -> Mend {
    let sql = alter_column(table, column, &format!("TYPE {}", column_type(column)));
    let loses = found.made != Made::Generated && cuts(column, &found.ty, found.modifier.as_deref());
    Mend { statements: vec![sql], loses: loses.then_some(CONVERTS), advice: None }
}

/// Whether the limit of the declared type takes digits or blanks of a value away instead of refusing it, given the limit
/// that they have.
fn cuts(to: &ColumnMeta, from: &TypeInfo, modifier: Option<&str>) -> bool {
    // Behind the point, of numbers and of seconds.
    let digits = |modifier: &str| {
        let last = modifier.trim_end_matches(')').rsplit(['(', ',']).next();
        last.and_then(|digits| digits.parse::<i32>().ok())
    };
    let Some(wanted) = digits(to.modifier) else { return !to.modifier.is_empty() };
    let whole = matches!(from.base().name(), "int2" | "int4" | "int8" | "date");
    match to.types.first().map_or("", |ty| ty.name) {
        "varchar" if whole => false,
        "varchar" => modifier.and_then(digits).is_none_or(|length| length > wanted),
        // Blanks at the end of one are no part of its value.
        "bpchar" | "bit" | "varbit" => false,
        // Before the point: numeric(3, -2).
        "numeric" if whole => wanted < 0,
        "numeric" => modifier.and_then(digits).is_none_or(|digits| digits > wanted),
        "time" | "timetz" | "timestamp" | "timestamptz" | "interval" if !whole => {
            modifier.and_then(digits).unwrap_or(6) > wanted
        }
        "time" | "timetz" | "timestamp" | "timestamptz" | "interval" => false,
        _ => true,
    }
}

/// Whether each value of a type is the same in the declared one, or is refused.
///
/// By <https://www.postgresql.org/docs/current/datatype-numeric.html> and its like. Times are converted by the session's
/// zone, and what is cut or rounded is gone.
fn keeps(from: &TypeInfo, to: &ColumnMeta) -> bool {
    let (from, name) = (from.base(), to.types.first().map_or("", |ty| ty.name));
    if from.element().is_some() {
        return false;
    }
    match (from.name(), name) {
        (one, other) if one == other => true,
        (_, "text" | "varchar") => from.name() != "bpchar",
        ("int2" | "int4" | "int8", "int2" | "int4" | "int8" | "numeric") => true,
        ("int2" | "int4" | "float4", "float8") | ("int2", "float4") => true,
        ("date", "timestamp") | ("jsonb", "json") => true,
        ("text" | "varchar", "int2" | "int4" | "int8" | "numeric" | "bool" | "uuid" | "json") => true,
        ("text" | "varchar", _) => to.made().is_some(),
        _ => false,
    }
}

/// Whether a cast of its own leads from a type to the declared one, which then keeps more than its text does.
fn casts(from: &TypeInfo, to: &ColumnMeta) -> bool {
    const FAMILIES: [&[&str]; 3] = [
        &["int2", "int4", "int8", "float4", "float8", "numeric"],
        &["date", "timestamp", "timestamptz"],
        &["json", "jsonb"],
    ];
    let to = to.types.first().map_or("", |ty| ty.name);
    let within = |family: &&[&str]| family.contains(&from.base().name()) && family.contains(&to);
    FAMILIES.iter().any(within)
}

/// Makes the server fill in a column as it is declared, or no longer do so.
pub(super) fn filled(table: &TableMeta, column: &ColumnMeta, found: &LiveColumn) -> Mend {
    let spec = &column.spec;
    if spec.generated {
        return replace_column(table, column);
    }
    if spec.identity {
        // A table that holds rows goes on counting behind them.
        let (name, quoted) = (ident(&spec.name), quoted(table));
        let sequence =
            format!("pg_catalog.pg_get_serial_sequence({}, {})", literal(&quoted), literal(&spec.name.to_string()));
        let count =
            format!("SELECT pg_catalog.setval({sequence}, max({name})) FROM {quoted} HAVING max({name}) IS NOT NULL");
        let number = alter_column(table, column, "ADD GENERATED BY DEFAULT AS IDENTITY");
        return Mend { statements: vec![number, count], ..Mend::default() };
    }
    match found.made {
        // Of one that is not stored there are no values to keep.
        Made::Generated if found.is_virtual => replace_column(table, column),
        Made::Generated => alter(table, column, "DROP EXPRESSION"),
        Made::Always => alter(table, column, "SET GENERATED BY DEFAULT"),
        Made::Plain | Made::Default => match spec.expression {
            Some(sql) => alter(table, column, &format!("SET DEFAULT ({sql})")),
            None => advice(column_definition(column).1.unwrap_or_default()),
        },
    }
}

pub(super) fn add_constraint(table: &TableMeta, constraint: &ConstraintMeta) -> Mend {
    match ddl::constraint_definition(constraint) {
        Some(sql) => statement(format!("ALTER TABLE {} ADD {sql}", quoted(table))),
        None => advice(format!(
            "the {} is declared by its name only: write its SQL behind the name and a colon",
            ddl::words(constraint.kind)
        )),
    }
}

pub(super) fn primary_key(table: &TableMeta, constraint: &ConstraintMeta, live: &Live) -> Mend {
    let drop = live.primary_key.as_ref().map(|key| drop_constraint(table, &key.name));
    let mut add = add_constraint(table, constraint);
    if live.primary_key.as_ref().is_none_or(|key| key.name != constraint.name) {
        add = in_place_of(table, live, constraint.name, add);
    }
    Mend { statements: drop.into_iter().chain(add.statements).collect(), ..add }
}

/// A key or a unique set anew, of the same name and columns, and not deferrable.
pub(super) fn not_deferrable(table: &TableMeta, constraint: &ConstraintMeta, found: &Key) -> Mend {
    let statements = match ddl::constraint_as(constraint, &found.name) {
        Some(sql) => vec![drop_constraint(table, &found.name), format!("ALTER TABLE {} ADD {sql}", quoted(table))],
        None => Vec::new(),
    };
    Mend { statements, ..Mend::default() }
}

fn drop_constraint(table: &TableMeta, name: &str) -> String {
    format!("ALTER TABLE {} DROP CONSTRAINT {}", quoted(table), quote_ident(name))
}

/// The same behind the end of an index or a constraint that has the name, and is of something else or cannot be used.
pub(super) fn in_place_of(table: &TableMeta, live: &Live, name: &str, mut mend: Mend) -> Mend {
    let taken = |names: &[String]| names.iter().any(|there| there == name) && !mend.statements.is_empty();
    // The index of a constraint goes with that.
    if taken(&live.constraints) {
        mend.statements.insert(0, drop_constraint(table, name));
    } else if taken(&live.names) {
        let index = TableName { schema: Some(&live.schema), name }.quoted();
        mend.statements.insert(0, format!("DROP INDEX {index}"));
    }
    mend
}

/// Renames the index of a key or a unique set, with which its constraint is renamed.
pub(super) fn rename_index(live: &Live, found: &str, declared: &str) -> Mend {
    let index = TableName { schema: Some(&live.schema), name: found }.quoted();
    statement(format!("ALTER INDEX {index} RENAME TO {}", quote_ident(declared)))
}
