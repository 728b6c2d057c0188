//! The constraints that a table's struct declares, and the variants that stand for them.
//!
//! Each has its name, and behind a colon its columns or its SQL.

use proc_macro2::{Ident, Span};
use syn::LitStr;

use crate::ast::{Record, Table};
use crate::attr::Attrs;
use crate::check::{MAX_IDENTIFIER, identifier, sql as sql_of};
use crate::ctxt::Ctxt;
use crate::symbol::{CHECK, CONSTRAINTS, EXCLUDE, FOREIGN_KEY, PRIMARY_KEY, Symbol};

/// What is said about constraints beside the unique sets.
pub(crate) struct Declared {
    /// The enum that is asked for.
    pub(crate) name: Option<Ident>,
    primary_key: Option<LitStr>,
    others: Vec<Other>,
}

/// A constraint that is declared by its name, perhaps with its SQL.
struct Other {
    kind: Kind,
    text: LitStr,
    name: String,
    sql: Option<String>,
}

/// A constraint with a name, and its variant.
pub(crate) struct Constraint {
    pub(crate) name: String,
    pub(crate) variant: Ident,
    pub(crate) doc: String,
    pub(crate) kind: Kind,
    /// Whether the name is written in the source, and not the one that PostgreSQL makes.
    pub(crate) named: bool,
    /// Those of the key and of the unique sets.
    pub(crate) columns: Vec<String>,
    pub(crate) sql: Option<String>,
    span: Span,
}

/// What sort of constraint it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    PrimaryKey,
    Unique,
    Check,
    ForeignKey,
    Exclude,
}

/// The kinds that are declared by their names only.
const KINDS: [(Symbol, Kind); 3] = [(CHECK, Kind::Check), (FOREIGN_KEY, Kind::ForeignKey), (EXCLUDE, Kind::Exclude)];

impl Kind {
    /// What the variant begins with, how PostgreSQL ends a name that it makes, and what it is called.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::PrimaryKey => ("PrimaryKey", "_pkey", "primary key"),
            Self::Unique => ("Unique", "_key", "unique set"),
            Self::Check => ("Check", "_check", "check constraint"),
            Self::ForeignKey => ("ForeignKey", "_fkey", "foreign key"),
            Self::Exclude => ("Exclude", "_excl", "exclusion constraint"),
        }
    }
}

impl Declared {
    pub(crate) fn read(ctxt: &Ctxt, attrs: &Attrs<'_>) -> Self {
        let primary_key = attrs.key(PRIMARY_KEY).and_then(|_| attrs.text(PRIMARY_KEY));
        let texts = KINDS.iter().flat_map(|(key, kind)| attrs.texts(*key).into_iter().map(|text| (*kind, text)));
        let others: Vec<Other> = texts.map(|(kind, text)| Other::read(kind, text)).collect();
        if let Some(name) = &primary_key {
            identifier(ctxt, name, "a constraint's name");
        }
        for other in &others {
            identifier(ctxt, &LitStr::new(&other.name, other.text.span()), "a constraint's name");
            if let Some(sql) = &other.sql {
                sql_of(ctxt, &LitStr::new(sql, other.text.span()));
            }
        }
        if attrs.lacks(CONSTRAINTS) {
            // One that is declared with its SQL has a use without the enum.
            let bare = |kind: Kind| others.iter().any(|other| other.kind == kind && other.sql.is_none());
            let keys = KINDS.iter().filter(|(_, kind)| bare(*kind)).map(|(key, _)| *key).chain([PRIMARY_KEY]);
            for key in keys.filter_map(|key| attrs.key(key)) {
                ctxt.error(
                    key,
                    format_args!("`{key}` declares a variant of the enum that `constraints` names, and there is none"),
                );
            }
        }
        let name = attrs.parsed(CONSTRAINTS, "the name of an enum");
        Self { name, primary_key, others }
    }
}

impl Other {
    fn read(kind: Kind, text: LitStr) -> Self {
        let whole = text.value();
        let (name, sql) = match whole.split_once(':') {
            Some((name, sql)) => (name.trim().to_owned(), Some(sql.trim().to_owned())),
            None => (whole, None),
        };
        Self { kind, text, name, sql }
    }
}

/// All constraints of a table that have a name: the primary key, the unique sets and those that are declared by name.
pub(crate) fn of(record: &Record<'_>, table: &Table) -> Vec<Constraint> {
    let of_table = table.name.value();
    let declared = &table.constraints;
    let mut all = Vec::new();
    let key = declared.primary_key.as_ref();
    let columns: Vec<_> = record.fields.iter().filter(|f| f.primary_key).map(|f| f.column.value()).collect();
    if key.is_some() || !columns.is_empty() {
        let name = key.map_or_else(|| made_name(&of_table, &[], "pkey"), LitStr::value);
        let span = key.map_or_else(|| declared.name.as_ref().map_or(table.name.span(), Ident::span), LitStr::span);
        all.push(Constraint {
            variant: Ident::new("PrimaryKey", span),
            doc: format!("The primary key, `{name}`."),
            name,
            kind: Kind::PrimaryKey,
            named: key.is_some(),
            columns,
            sql: None,
            span,
        });
    }
    for set in &table.unique {
        let name = set.name.clone().unwrap_or_else(|| made_name(&of_table, &set.columns, "key"));
        let doc = format!("The unique set of the columns {}: `{name}`.", set.columns.join(", "));
        all.push(Constraint {
            name,
            variant: variant("Unique", &set.columns.join("_"), set.text.span()),
            doc,
            kind: Kind::Unique,
            named: set.name.is_some(),
            columns: set.columns.clone(),
            sql: None,
            span: set.text.span(),
        });
    }
    for Other { kind, text, name, sql } in &declared.others {
        let (begin, end, what) = kind.words();
        // What PostgreSQL puts around a name of its own says nothing more.
        let stem = name.strip_prefix(&of_table).and_then(|rest| rest.strip_prefix('_')).unwrap_or(name);
        let stem = stem.strip_suffix(end).unwrap_or(stem);
        all.push(Constraint {
            variant: variant(begin, stem, text.span()),
            doc: format!("The {what} `{name}`."),
            name: name.clone(),
            kind: *kind,
            named: true,
            columns: Vec::new(),
            sql: sql.clone(),
            span: text.span(),
        });
    }
    all
}

/// Each name and each variant is there once.
pub(crate) fn check(ctxt: &Ctxt, record: &Record<'_>, table: &Table) {
    for set in &table.unique {
        if let Some(name) = &set.name {
            identifier(ctxt, &LitStr::new(name, set.text.span()), "a constraint's name");
        }
    }
    let all = of(record, table);
    let declared = &table.constraints.name;
    for (i, one) in all.iter().enumerate() {
        for earlier in all.iter().take(i) {
            if earlier.name == one.name && (declared.is_some() || one.named) {
                let message = format!("the constraint {:?} is declared twice", one.name);
                ctxt.push(syn::Error::new(one.span, message));
            } else if declared.is_some() && earlier.variant == one.variant {
                let message = format!(
                    "the variant `{}` stands for the constraint {:?} already, and cannot for {:?}",
                    one.variant, earlier.name, one.name
                );
                ctxt.push(syn::Error::new(one.span, message));
            }
        }
    }
    if let (Some(name), true) = (declared, all.is_empty()) {
        ctxt.error(
            name,
            "this enum would have no variants: declare `unique`, `check`, `foreign_key` or `exclude`, or mark a primary key",
        );
    }
}

fn variant(begin: &str, stem: &str, span: Span) -> Ident {
    let words = stem.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect::<String>())
    };
    Ident::new(&words.map(capital).fold(begin.to_owned(), |name, word| name + &word), span)
}

/// The name that PostgreSQL makes for a constraint or an index of a table: the table's name, the columns' and a label, of which the
/// longer one of both is cut until it is a name (`makeObjectName` in its source).
pub(crate) fn made_name(table: &str, columns: &[String], label: &str) -> String {
    let columns = columns.join("_");
    let columns = cut(&columns, MAX_IDENTIFIER);
    let overhead = label.len() + 1 + usize::from(!columns.is_empty());
    let (mut first, mut second) = (table.len(), columns.len());
    while first + second > MAX_IDENTIFIER - overhead {
        if first > second { first -= 1 } else { second -= 1 }
    }
    let parts = [cut(table, first), cut(columns, second), label];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

/// So many bytes at most, and no part of a character.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::made_name;

    #[test]
    fn names_are_made_as_the_server_makes_them() {
        let names = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        assert_eq!(made_name("users", &[], "pkey"), "users_pkey");
        assert_eq!(made_name("users", &names(&["org_id", "name"]), "key"), "users_org_id_name_key");
        let long = "t".repeat(63);
        assert_eq!(made_name(&long, &[], "pkey"), format!("{}_pkey", "t".repeat(58)));
        let made = made_name(&long, &names(&[&"c".repeat(40)]), "key");
        assert_eq!(made, format!("{}_{}_key", "t".repeat(29), "c".repeat(29)));
        assert_eq!(made_name(&long, &names(&["id"]), "key"), format!("{}_id_key", "t".repeat(56)));
        assert_eq!(made_name(&"é".repeat(31), &[], "pkey"), format!("{}_pkey", "é".repeat(29)));
    }
}
