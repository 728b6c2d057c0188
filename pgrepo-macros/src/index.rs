//! The indexes that a table's struct declares by columns or by SQL; those of JSON go by paths.

use syn::LitStr;

use crate::ast::{Record, Table};
use crate::attr::Attrs;
use crate::check::{self, identifier, sql as sql_of};
use crate::constraint::{self, Kind, made_name};
use crate::ctxt::Ctxt;
use crate::symbol::INDEX;

/// An index that is no constraint's.
pub(crate) struct Index {
    pub(crate) text: LitStr,
    name: Option<String>,
    pub(crate) of: Of,
}

/// What an index is of.
pub(crate) enum Of {
    Columns(Vec<String>),
    /// What SQL writes behind the table's name.
    Sql(String),
}

impl Index {
    pub(crate) fn read(ctxt: &Ctxt, attrs: &Attrs<'_>) -> Vec<Self> {
        attrs.texts(INDEX).into_iter().filter_map(|text| Self::parse(ctxt, text)).collect()
    }

    fn parse(ctxt: &Ctxt, text: LitStr) -> Option<Self> {
        let whole = text.value();
        if is_sql(&whole) {
            let message = "an index of SQL needs a name: #[pg(index = \"users_name_idx: (lower(name))\")]";
            ctxt.error(&text, message);
            return None;
        }
        let (name, of) = match whole.split_once(':') {
            Some((name, of)) => (Some(name.trim().to_owned()), of.trim()),
            None => (None, whole.as_str()),
        };
        let of = if is_sql(of) { Of::Sql(of.to_owned()) } else { Of::Columns(check::split(of)) };
        if let Of::Columns(columns) = &of
            && columns.iter().any(|column| is_expression(column))
        {
            let message = "these are no names of columns; SQL stands behind a name, in parentheses: \
                           #[pg(index = \"users_name_idx: (lower(name), id DESC)\")]";
            ctxt.error(&text, message);
            return None;
        }
        Some(Self { name, of, text })
    }

    /// Its name: the one that is declared, or the one that PostgreSQL makes.
    pub(crate) fn name(&self, table: &Table) -> String {
        match (&self.name, &self.of) {
            (Some(name), _) => name.clone(),
            (None, Of::Columns(columns)) => made_name(&table.name.value(), columns, "idx"),
            (None, Of::Sql(_)) => String::new(),
        }
    }
}

/// Whether this is not a list of columns: it begins with a parenthesis or a method.
fn is_sql(text: &str) -> bool {
    let text = text.trim_start();
    let method = text.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("using"));
    text.starts_with('(') || method && text.contains('(')
}

/// Whether what stands among columns is rather SQL.
fn is_expression(column: &str) -> bool {
    let last = column.rsplit_once(char::is_whitespace).map_or("", |(_, word)| word);
    column.ends_with(')') || last.eq_ignore_ascii_case("desc") || last.eq_ignore_ascii_case("asc")
}

/// Its columns are there, and its name is nobody else's: indexes share their names with the table, with each other and
/// with constraints that have one.
pub(crate) fn check(ctxt: &Ctxt, record: &Record<'_>, table: &Table) {
    let with_index = |kind| matches!(kind, Kind::PrimaryKey | Kind::Unique | Kind::Exclude);
    let constraints = constraint::of(record, table).into_iter().filter(|one| with_index(one.kind));
    let mut seen: Vec<String> = constraints.map(|one| one.name).chain([table.name.value()]).collect();
    for index in &table.indexes {
        match &index.of {
            Of::Columns(columns) => check::columns(ctxt, record, &index.text, INDEX, columns),
            Of::Sql(sql) => sql_of(ctxt, &LitStr::new(sql, index.text.span())),
        }
        let name = index.name(table);
        identifier(ctxt, &LitStr::new(&name, index.text.span()), "an index's name");
        if seen.contains(&name) {
            ctxt.error(
                &index.text,
                format_args!("the name {name:?} is already that of the table, a constraint or another index"),
            );
        }
        seen.push(name);
    }
}
