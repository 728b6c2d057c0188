//! What differs between a struct's description and a table's: pure, so that it serves a live database and a snapshot.

use crate::table::{ColumnMeta, ConstraintMeta, ConstraintMetaKind, Made, Misfit, TableMeta};
use crate::value::{PgType, TypeDefinition, TypeInfo, TypeKind};

use super::ddl;
use super::diff::{Difference, DifferenceKind, FilledBy, Mend, Severity};
use super::indexes;
use super::labels;
use super::live::{Live, LiveColumn};
use super::mend;

/// Finds what differs; without a table that is all of it.
pub(super) fn compare(meta: &TableMeta, live: Option<&Live>) -> Vec<Difference> {
    let by_query = meta.read_only || live.is_some_and(|live| live.view);
    let mut found = Found { meta, by_query, all: Vec::new() };
    let Some(live) = live else {
        let mend = match meta.read_only {
            true => Mend { advice: Some("make the view".to_owned()), ..Mend::default() },
            false => mend::create(meta),
        };
        found.push(None, DifferenceKind::TableMissing, Severity::BreaksBoth, mend);
        return found.all;
    };
    if live.takes_no_rows && !meta.read_only {
        let advice = Some(
            "write #[pg(read_only)] on the struct, or give the view an INSTEAD OF trigger, which one that is \
                           materialised cannot have"
                .to_owned(),
        );
        found.push(None, DifferenceKind::TakesNoRows, Severity::BreaksWriting, Mend { advice, ..Mend::default() });
    }
    for column in meta.columns {
        found.column(column, live);
    }
    labels::compare(&mut found, live);
    if !by_query {
        found.extra(live);
        for constraint in meta.constraints {
            found.constraint(constraint, live);
        }
        indexes::compare(&mut found, live);
    }
    found.all
}

/// The differences of one struct as they are found.
pub(super) struct Found<'m> {
    pub(super) meta: &'m TableMeta,
    /// Whether it is a view: NULL, keys and the rest are then what its query makes them, and no DDL mends it.
    by_query: bool,
    all: Vec<Difference>,
}

impl Found<'_> {
    pub(super) fn push(&mut self, column: Option<&ColumnMeta>, kind: DifferenceKind, severity: Severity, mend: Mend) {
        self.all.push(Difference {
            kind,
            severity,
            table: self.meta.to_string(),
            rust_type: self.meta.rust_type.to_owned(),
            field: column.map(|column| column.spec.field.to_owned()),
            field_type: column.map(|column| column.rust_type().to_owned()),
            column: column.map(|column| column.spec.name.to_string()),
            mend: if self.by_query { Mend { statements: Vec::new(), loses: None, ..mend } } else { mend },
        });
    }

    fn column(&mut self, column: &ColumnMeta, live: &Live) {
        let spec = &column.spec;
        // What the server makes is not sent.
        let sent = !self.meta.read_only && !spec.generated && !spec.identity;
        let both = if sent { Severity::BreaksBoth } else { Severity::BreaksReading };
        match live.description.read(column) {
            Ok(_) => {}
            Err(Misfit::Missing) => {
                let severity = if spec.identity { Severity::BreaksBoth } else { both };
                let kind = DifferenceKind::ColumnMissing { declared: column.sql_type() };
                return self.push(Some(column), kind, severity, mend::add_column(self.meta, column));
            }
            Err(_) => {
                let found = live.column(&spec.name);
                let shown = found.map_or_else(String::new, |found| found.ty.to_string());
                let kind = DifferenceKind::Type { declared: column.sql_type(), found: shown };
                self.push(Some(column), kind, both, mend::set_type(self.meta, column, found));
            }
        }
        let Some(found) = live.column(&spec.name) else { return };
        if column.accepts(&found.ty) {
            self.declared_type(column, found);
        }
        if self.meta.read_only {
            return;
        }
        if !self.by_query {
            self.null(column, found, sent);
        }
        self.filled(column, found);
    }

    /// Whether a type that fits is also the one that is declared.
    fn declared_type(&mut self, column: &ColumnMeta, found: &LiveColumn) {
        let Some(declared) = column.types.first() else { return };
        let domain = matches!(column.made(), Some(TypeDefinition::Domain { .. }));
        let json = [PgType::JSON, PgType::JSONB].contains(declared);
        if !(column.declared || domain || json) {
            return;
        }
        // A domain over the declared type is no other type; a declared domain is that one only.
        let mut ty = if domain { &found.ty } else { found.ty.base() };
        if column.is_array() {
            match ty.element() {
                Some(element) if domain => ty = element,
                Some(element) => ty = element.base(),
                None => return,
            }
        }
        let mend = if !declared.is(ty) {
            mend::set_type(self.meta, column, Some(found))
        } else if self.limit_differs(column, found) {
            mend::set_modifier(self.meta, column, found)
        } else {
            return;
        };
        let kind = DifferenceKind::DeclaredType { declared: column.sql_type(), found: found.full_type() };
        self.push(Some(column), kind, Severity::Differs, mend);
    }

    /// Whether a column has another limit than the declared one. That of a view is what its query makes it, and a domain
    /// has its own.
    fn limit_differs(&self, column: &ColumnMeta, found: &LiveColumn) -> bool {
        let of_a_domain = |ty: &TypeInfo| matches!(ty.kind(), TypeKind::Domain(_));
        let domain = of_a_domain(&found.ty) || found.ty.element().is_some_and(of_a_domain);
        let differs = !column.modifier.is_empty() && found.modifier.as_deref() != Some(column.modifier);
        differs && !domain && !self.by_query
    }

    fn null(&mut self, column: &ColumnMeta, found: &LiveColumn, sent: bool) {
        // A value of run-time type may be NULL, and need not.
        let either = column.types.is_empty() && !column.rust_type().starts_with("Option");
        if found.nullable && !column.nullable {
            let mend = mend::alter(self.meta, column, "SET NOT NULL");
            self.push(Some(column), DifferenceKind::Nullable, Severity::BreaksReading, mend);
        } else if !found.nullable && column.nullable && !either {
            let severity = if sent { Severity::BreaksWriting } else { Severity::Differs };
            let mend = mend::alter(self.meta, column, "DROP NOT NULL");
            self.push(Some(column), DifferenceKind::NotNull, severity, mend);
        }
    }

    fn filled(&mut self, column: &ColumnMeta, found: &LiveColumn) {
        let spec = &column.spec;
        let declared = match () {
            () if spec.generated => FilledBy::Generated,
            () if spec.identity => FilledBy::Identity,
            () if spec.default => FilledBy::DefaultValue,
            () => FilledBy::Writer,
        };
        let wrong = if spec.generated {
            (found.made != Made::Generated).then_some(match found.made {
                Made::Plain if !found.nullable => Severity::BreaksWriting,
                _ => Severity::Differs,
            })
        } else {
            let sent = if spec.identity { Ok(()) } else { found.made.written(column) };
            sent.and_then(|()| found.made.left(column)).err().map(|_| Severity::BreaksWriting)
        };
        if let Some(severity) = wrong {
            let kind = DifferenceKind::Filled { declared, found: found.filled_by() };
            self.push(Some(column), kind, severity, mend::filled(self.meta, column, found));
        }
    }

    /// The columns for which there is no field.
    fn extra(&mut self, live: &Live) {
        let own = |name: &str| self.meta.columns.iter().any(|column| column.spec.name == *name);
        let extra: Vec<&LiveColumn> = live.columns.iter().filter(|column| !own(&column.name)).collect();
        for found in extra {
            let required = !found.nullable && found.made == Made::Plain;
            let severity = if required { Severity::BreaksWriting } else { Severity::Differs };
            let kind = DifferenceKind::ColumnExtra { found: found.ty.to_string(), required };
            self.push(None, kind, severity, mend::drop_column(self.meta, &found.name));
            if let Some(last) = self.all.last_mut() {
                last.column = Some(found.name.clone());
            }
        }
    }

    fn constraint(&mut self, constraint: &ConstraintMeta, live: &Live) {
        let columns: Vec<String> = constraint.columns.iter().map(ToString::to_string).collect();
        let add = || mend::add_constraint(self.meta, constraint);
        let found = match constraint.kind {
            ConstraintMetaKind::Key if !columns.is_empty() => {
                let key = live.primary_key.as_ref();
                let found = key.map(|key| key.columns.clone()).unwrap_or_default();
                if !same(&columns, &found) {
                    let mend = mend::primary_key(self.meta, constraint, live);
                    let kind = DifferenceKind::Key { declared: columns, found };
                    return self.push(None, kind, Severity::BreaksUpserts, mend);
                }
                key
            }
            ConstraintMetaKind::UniqueSet => {
                let sets = live.unique.iter().filter(|set| same(&columns, &set.columns));
                // The declared one, if there are several that are of use.
                let found = sets.min_by_key(|set| (set.deferrable, set.name != constraint.name));
                if found.is_none() {
                    let mend = mend::in_place_of(self.meta, live, constraint.name, add());
                    let kind = DifferenceKind::UniqueMissing { declared: columns };
                    return self.push(None, kind, Severity::BreaksUpserts, mend);
                }
                found
            }
            _ if live.others.iter().any(|(kind, name)| *kind == constraint.kind && name == constraint.name) => None,
            kind => {
                let mend = mend::in_place_of(self.meta, live, constraint.name, add());
                let kind =
                    DifferenceKind::ConstraintMissing { declared: constraint.name.to_owned(), what: ddl::words(kind) };
                return self.push(None, kind, Severity::Differs, mend);
            }
        };
        let Some(found) = found else { return };
        if found.deferrable {
            let mend = mend::not_deferrable(self.meta, constraint, found);
            self.push(None, DifferenceKind::Deferrable { name: found.name.clone() }, Severity::BreaksUpserts, mend);
        }
        if constraint.named && found.name != constraint.name {
            let mend = mend::rename_index(live, &found.name, constraint.name);
            let kind =
                DifferenceKind::ConstraintName { declared: constraint.name.to_owned(), found: found.name.clone() };
            self.push(None, kind, Severity::Differs, mend);
        }
    }
}

/// Whether two lists hold the same columns, in any order.
fn same(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|name| other.contains(name))
}
