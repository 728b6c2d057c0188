//! The labels of enums, on both sides.

use crate::table::{ColumnMeta, TableMeta, TableName, literal, quote_ident};
use crate::value::TypeDefinition;

use super::compare::Found;
use super::ddl::{column_type, ident, quoted, unlimited_type};
use super::diff::{DifferenceKind, Mend, Severity};
use super::live::{Enum, Live};

/// Compares the enums of the columns, each pair of the program's and the database's once.
pub(super) fn compare(found: &mut Found<'_>, live: &Live) {
    let mut seen = Vec::new();
    for column in found.meta.columns {
        let Some(declared) = labels(column) else { continue };
        let Some(other) = live.column(&column.spec.name).and_then(|column| column.labels.as_ref()) else { continue };
        // Whether the column's type fits at all was asked before.
        if live.description.read(column).is_ok() && !seen.contains(&(&other.quoted, declared)) {
            seen.push((&other.quoted, declared));
            one(found, column, declared, other, live);
        }
    }
}

/// The labels that a field's values have.
fn labels(column: &ColumnMeta) -> Option<&'static [&'static str]> {
    let mut made = column.definition?;
    loop {
        match made {
            TypeDefinition::Enum { labels, .. } => return Some(labels),
            TypeDefinition::Domain { definition, .. } => made = (*definition)?,
        }
    }
}

fn one(found: &mut Found<'_>, column: &ColumnMeta, declared: &[&str], other: &Enum, live: &Live) {
    let of = &other.name;
    let again = || anew(found.meta, declared, other, live);
    let lacking = if found.meta.read_only { Severity::Differs } else { Severity::BreaksWriting };
    let mut all = Vec::new();
    for (at, label) in declared.iter().enumerate() {
        if !other.labels.iter().any(|there| there == label) {
            let kind = DifferenceKind::LabelMissing { of: of.clone(), declared: (*label).to_owned() };
            all.push((kind, lacking, add(declared, at, other)));
        }
    }
    for label in other.labels.iter().filter(|label| !declared.contains(&label.as_str())) {
        let kind = DifferenceKind::LabelExtra { of: of.clone(), found: label.clone() };
        all.push((kind, Severity::BreaksReading, again()));
    }
    let both = |label: &str| declared.contains(&label) && other.labels.iter().any(|there| there == label);
    let ours: Vec<String> = declared.iter().filter(|label| both(label)).map(ToString::to_string).collect();
    let theirs: Vec<String> = other.labels.iter().filter(|label| both(label)).cloned().collect();
    if ours != theirs {
        let kind = DifferenceKind::LabelOrder { of: of.clone(), declared: ours, found: theirs };
        all.push((kind, Severity::Differs, again()));
    }
    for (kind, severity, mend) in all {
        found.push(Some(column), kind, severity, mend);
    }
}

/// Adds a label where the variant stands. Those before it are there by then, since theirs are mended before.
fn add(declared: &[&str], at: usize, other: &Enum) -> Mend {
    let label = declared.get(at).copied().unwrap_or_default();
    let behind = at.checked_sub(1).and_then(|before| declared.get(before)).map(|label| ("AFTER", *label));
    let before = || other.labels.first().map(|label| ("BEFORE", label.as_str()));
    let place = behind.or_else(before).map(|(word, label)| format!(" {word} {}", literal(label)));
    let sql =
        format!("ALTER TYPE {} ADD VALUE IF NOT EXISTS {}{}", other.quoted, literal(label), place.unwrap_or_default());
    Mend { statements: vec![sql], ..Mend::default() }
}

/// Makes the enum anew, since labels can be neither dropped nor moved.
fn anew(table: &TableMeta, declared: &[&str], other: &Enum, live: &Live) -> Mend {
    let old = format!("{}_old", other.name.get(..other.name.floor_char_boundary(50)).unwrap_or_default());
    let old_quoted = TableName { schema: Some(&other.schema), name: &old }.quoted();
    let labels = declared.iter().map(|label| literal(label)).collect::<Vec<_>>().join(", ");
    let mut statements = vec![
        format!("ALTER TYPE {} RENAME TO {}", other.quoted, quote_ident(&old)),
        format!("CREATE TYPE {} AS ENUM ({labels})", other.quoted),
    ];
    let of_it = |column: &&ColumnMeta| {
        let labels = live.column(&column.spec.name).and_then(|column| column.labels.as_ref());
        labels.is_some_and(|labels| labels.quoted == other.quoted)
    };
    if table.columns.iter().filter(of_it).any(|column| matches!(column.made(), Some(TypeDefinition::Domain { .. }))) {
        let advice = "make the enum anew, and the domains over it: labels can be neither dropped nor moved";
        return Mend { advice: Some(advice.to_owned()), ..Mend::default() };
    }
    for column in table.columns.iter().filter(of_it) {
        let (table, name, ty) = (quoted(table), ident(&column.spec.name), column_type(column));
        // A cast to a limited type would cut.
        let unlimited = unlimited_type(column);
        let array = if column.is_array() { "[]" } else { "" };
        let default = live.column(&column.spec.name).and_then(|column| column.default.clone());
        if default.is_some() {
            statements.push(format!("ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT"));
        }
        statements
            .push(format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE {ty} USING {name}::text{array}::{unlimited}"));
        if let Some(sql) = default {
            statements.push(format!("ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT {sql}"));
        }
    }
    statements.push(format!("DROP TYPE {old_quoted}"));
    Mend { statements, ..Mend::default() }
}
