//! A difference as it is shown.

use std::fmt;

use super::diff::{Difference, DifferenceKind, Severity};

impl Difference {
    /// What differs, in one line.
    pub(super) fn headline(&self) -> String {
        let Self { table, .. } = self;
        let column = self.column.as_deref().unwrap_or_default();
        match &self.kind {
            DifferenceKind::TableMissing => format!("there is no table {table}"),
            DifferenceKind::TakesNoRows => {
                format!("{table} is a view that takes no rows, and the struct is not read only")
            }
            DifferenceKind::ColumnMissing { .. } => format!("the table {table} has no column {column:?}"),
            DifferenceKind::ColumnExtra { found, required: false } => {
                format!("no field stands for the column {column:?} of {table}, which is {found}")
            }
            DifferenceKind::ColumnExtra { found, required: true } => format!(
                "no field stands for the column {column:?} of {table}, which is {found}, takes no NULL and has no default"
            ),
            DifferenceKind::Type { declared, found } => {
                format!("the column {column:?} of {table} is {found}, and the field stands for {declared}")
            }
            DifferenceKind::DeclaredType { declared, found } => {
                format!("the column {column:?} of {table} is {found}, and the struct declares {declared}")
            }
            DifferenceKind::Nullable => {
                format!("the column {column:?} of {table} may hold NULL, and the field is no Option")
            }
            DifferenceKind::NotNull => {
                format!("the column {column:?} of {table} takes no NULL, and the field may be None")
            }
            DifferenceKind::Filled { declared, found } => {
                format!("the column {column:?} of {table} is {found}, and the struct has it {declared}")
            }
            DifferenceKind::Key { declared, found } if found.is_empty() => {
                format!("the table {table} has no primary key, and the struct's is {}", declared.join(", "))
            }
            DifferenceKind::Key { declared, found } => {
                format!(
                    "the primary key of {table} is {}, and the struct's is {}",
                    found.join(", "),
                    declared.join(", ")
                )
            }
            DifferenceKind::UniqueMissing { declared } => {
                format!("no unique constraint of {table} is of the columns {}", declared.join(", "))
            }
            DifferenceKind::ConstraintName { declared, found } => {
                format!("the constraint {declared:?} of {table} is called {found:?}")
            }
            DifferenceKind::Deferrable { name } => {
                format!("the constraint {name:?} of {table} is deferrable, and so of no use to an upsert")
            }
            DifferenceKind::ConstraintMissing { declared, what } => {
                format!("the table {table} has no {what} {declared:?}")
            }
            DifferenceKind::LabelMissing { of, declared } => format!("the enum {of} has no label {declared:?}"),
            DifferenceKind::LabelExtra { of, found } => {
                format!("the enum {of} has the label {found:?}, for which there is no variant")
            }
            DifferenceKind::LabelOrder { of, declared, found } => {
                format!(
                    "the labels of the enum {of} are in the order {}, and the variants {}",
                    found.join(", "),
                    declared.join(", ")
                )
            }
            DifferenceKind::IndexMissing { declared, found: None } => {
                format!("the table {table} has no index {declared:?}")
            }
            DifferenceKind::IndexMissing { declared, found: Some(found) } => {
                format!("the index {declared:?} of {table} is another one: {found}")
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.severity == Severity::Differs { "warning" } else { "error" };
        writeln!(f, "{level}[{}]: {}", self.kind.code(), self.headline())?;
        match (&self.field, &self.field_type) {
            (Some(field), Some(ty)) => writeln!(f, "  --> {}.{field}: {ty}", self.rust_type)?,
            _ => writeln!(f, "  --> {}", self.rust_type)?,
        }
        write!(f, "   = note: {}", self.severity)?;
        if let Some(loses) = self.mend.loses {
            write!(f, "\n   = note: the DDL {loses}")?;
        }
        let mut word = "help: ";
        for line in self.mend.statements.iter().map(|one| format!("{one};")).chain(self.mend.advice.clone()) {
            for line in line.lines() {
                write!(f, "\n   = {word}{line}")?;
                word = "      ";
            }
        }
        Ok(())
    }
}
