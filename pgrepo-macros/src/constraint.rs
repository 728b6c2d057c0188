//! The constraints that a table's struct declares, and the variants that stand for them.

use proc_macro2::{Ident, Span};
use syn::{LitStr, Path};

use crate::ast::{Record, Table};
use crate::attr::Attrs;
use crate::check::{MAX_IDENTIFIER, identifier};
use crate::ctxt::Ctxt;
use crate::symbol::{CHECK, CONSTRAINTS, EXCLUDE, FOREIGN_KEY, PRIMARY_KEY, Symbol};

/// What is said about constraints beside the unique sets.
pub(crate) struct Declared {
    /// The enum that is asked for.
    pub(crate) name: Ident,
    primary_key: Option<LitStr>,
    others: Vec<(Kind, LitStr)>,
}

/// A constraint with a name, and its variant.
pub(crate) struct Constraint {
    pub(crate) name: String,
    pub(crate) variant: Ident,
    pub(crate) doc: String,
    span: Span,
}

#[derive(Clone, Copy)]
enum Kind {
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
            Self::Check => ("Check", "_check", "check constraint"),
            Self::ForeignKey => ("ForeignKey", "_fkey", "foreign key"),
            Self::Exclude => ("Exclude", "_excl", "exclusion constraint"),
        }
    }
}

impl Declared {
    pub(crate) fn read(ctxt: &Ctxt, attrs: &Attrs<'_>) -> Option<Self> {
        let primary_key = attrs.key(PRIMARY_KEY).and_then(|_| attrs.text(PRIMARY_KEY));
        let others: Vec<_> =
            KINDS.iter().flat_map(|(key, kind)| attrs.texts(*key).into_iter().map(|name| (*kind, name))).collect();
        for name in primary_key.iter().chain(others.iter().map(|(_, name)| name)) {
            identifier(ctxt, name, "a constraint's name");
        }
        if attrs.lacks(CONSTRAINTS) {
            let keys = KINDS.iter().map(|(key, _)| *key).chain([PRIMARY_KEY]);
            for key in keys.filter_map(|key| attrs.key(key)) {
                ctxt.error(
                    key,
                    format_args!("`{key}` declares a variant of the enum that `constraints` names, and there is none"),
                );
            }
        }
        let name = attrs.parsed(CONSTRAINTS, "the name of an enum")?;
        Some(Self { name, primary_key, others })
    }

    /// The path of the enum is the struct's own module's.
    pub(crate) fn path(&self) -> Path {
        self.name.clone().into()
    }
}

/// All constraints of a table that have a name: the primary key, the unique sets and those that are declared by name.
pub(crate) fn of(record: &Record<'_>, table: &Table, declared: &Declared) -> Vec<Constraint> {
    let of_table = table.name.value();
    let mut all = Vec::new();
    let key = declared.primary_key.as_ref();
    if key.is_some() || record.fields.iter().any(|f| f.primary_key) {
        let name = key.map_or_else(|| made_name(&of_table, &[], "pkey"), LitStr::value);
        let span = key.map_or(declared.name.span(), LitStr::span);
        all.push(Constraint {
            variant: Ident::new("PrimaryKey", span),
            doc: format!("The primary key, `{name}`."),
            name,
            span,
        });
    }
    for set in &table.unique {
        let name = set.name.clone().unwrap_or_else(|| made_name(&of_table, &set.columns, "key"));
        let variant = variant("Unique", &set.columns.join("_"), set.text.span());
        let doc = format!("The unique set of the columns {}: `{name}`.", set.columns.join(", "));
        all.push(Constraint { name, variant, doc, span: set.text.span() });
    }
    for (kind, text) in &declared.others {
        let (begin, end, what) = kind.words();
        let name = text.value();
        // What PostgreSQL puts around a name of its own says nothing more.
        let stem = name.strip_prefix(&of_table).and_then(|rest| rest.strip_prefix('_')).unwrap_or(&name);
        let stem = stem.strip_suffix(end).unwrap_or(stem);
        let variant = variant(begin, stem, text.span());
        all.push(Constraint { variant, doc: format!("The {what} `{name}`."), name, span: text.span() });
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
    let Some(declared) = &table.constraints else { return };
    let all = of(record, table, declared);
    for (i, one) in all.iter().enumerate() {
        for earlier in all.iter().take(i) {
            if earlier.name == one.name {
                let message = format!("the constraint {:?} is declared twice", one.name);
                ctxt.push(syn::Error::new(one.span, message));
            } else if earlier.variant == one.variant {
                let message = format!(
                    "the variant `{}` stands for the constraint {:?} already, and cannot for {:?}",
                    one.variant, earlier.name, one.name
                );
                ctxt.push(syn::Error::new(one.span, message));
            }
        }
    }
    if all.is_empty() {
        ctxt.error(
            &declared.name,
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

/// The name that PostgreSQL makes for a constraint of a table: the table's name, the columns' and a label, of which the
/// longer one of both is cut until it is a name (`makeObjectName` in its source).
fn made_name(table: &str, columns: &[String], label: &str) -> String {
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
