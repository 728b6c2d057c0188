use crate::query::fragment::Fragment;
use crate::query::{Sort, Text};
use crate::table::{Name, PrimaryKey};

use super::token::fingerprint;

/// What the rows are sorted by, so that no two are equal: columns and expressions of the user's, and the key.
pub(super) struct Order<'f, 'q> {
    pub(super) terms: Vec<Term<'f, 'q>>,
    pub(super) fingerprint: u32,
}

/// One of them.
pub(in crate::query) struct Term<'f, 'q> {
    pub(in crate::query) by: &'f Fragment<'q>,
    /// The column's name; an expression's value stands in the result under a name that no struct has.
    pub(in crate::query) label: Label,
    pub(super) nullable: bool,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

/// What a term's value is called in the result.
pub(in crate::query) enum Label {
    Column(Name),
    Beside(String),
}

impl Label {
    pub(super) fn is(&self, column: &str) -> bool {
        match self {
            Self::Column(name) => *name == *column,
            Self::Beside(name) => name == column,
        }
    }
}

impl<'f, 'q> Order<'f, 'q> {
    /// The terms of an order that [`complete`] has completed.
    pub(super) fn of<T: PrimaryKey>(sorts: &'f [Sort<'q, T>]) -> Self {
        let terms = sorts.iter().enumerate().map(|(number, sort)| {
            let column = sort.by().as_column();
            let meta = column.and_then(|name| T::COLUMNS.iter().find(|meta| meta.spec.name == name));
            Term {
                by: sort.by(),
                label: match column {
                    Some(name) => Label::Column(name),
                    None => Label::Beside(format!("pgrepo: sort {number}")),
                },
                nullable: meta.is_none_or(|meta| meta.nullable),
                descending: sort.is_descending(),
                nulls_first: sort.nulls_come_first(),
            }
        });
        let mut text = Text::default();
        text.order(sorts);
        Self { terms: terms.collect(), fingerprint: fingerprint(text.sql.as_bytes()) }
    }
}

/// Appends the key's columns that an order lacks, in the direction of its last column, and cuts off what stands behind
/// the whole key: no two rows are equal in it.
pub(super) fn complete<T: PrimaryKey>(sorts: &mut Vec<Sort<'_, T>>) {
    let key = || T::SPECS.iter().filter(|spec| spec.primary_key).map(|spec| spec.name);
    let has = |sorts: &[Sort<'_, T>], name| sorts.iter().any(|sort| sort.by().as_column() == Some(name));
    if let Some(enough) = (1..=sorts.len()).find(|n| key().all(|name| has(&sorts[..*n], name))) {
        sorts.truncate(enough);
        return;
    }
    let descending = sorts.last().is_some_and(Sort::is_descending);
    for name in key() {
        if !has(sorts, name) {
            let by = Fragment::column(name);
            sorts.push(if descending { Sort::descending(by) } else { Sort::ascending(by) });
        }
    }
}
