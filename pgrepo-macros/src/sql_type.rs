//! The SQL type that a field declares, and its modifier: `numeric(12, 2)`.

use syn::LitStr;

use crate::ctxt::Ctxt;
use crate::symbol::listed;

/// A type by its name in `pg_type`, and what stands in parentheses behind it.
pub(crate) struct SqlType {
    pub(crate) name: LitStr,
    /// With its parentheses, as the server writes it; empty for none.
    pub(crate) modifier: String,
}

/// The built-in types that take a modifier, and by how many numbers at most
/// (<https://www.postgresql.org/docs/current/datatype.html>).
const MODIFIED: [(&str, usize); 10] = [
    ("numeric", 2),
    ("varchar", 1),
    ("bpchar", 1),
    ("bit", 1),
    ("varbit", 1),
    ("time", 1),
    ("timetz", 1),
    ("timestamp", 1),
    ("timestamptz", 1),
    ("interval", 1),
];

impl SqlType {
    /// Reads it; of a type that only sqlx knows, such as `geometry(Point,4326)`, anything is a modifier.
    pub(crate) fn read(ctxt: &Ctxt, text: &LitStr, any: bool) -> Self {
        let whole = text.value();
        let (name, modifier) = match whole.split_once('(') {
            None => (whole.as_str(), String::new()),
            Some((name, rest)) => {
                let name = name.trim_end();
                (name, modifier(ctxt, text, name, rest, any))
            }
        };
        Self { name: LitStr::new(name, text.span()), modifier }
    }
}

/// What stands behind an opening parenthesis.
fn modifier(ctxt: &Ctxt, text: &LitStr, name: &str, rest: &str, any: bool) -> String {
    let parts = rest.trim_end().strip_suffix(')').map(|inside| inside.split(',').map(str::trim).collect::<Vec<_>>());
    let most = MODIFIED.iter().find(|(known, _)| *known == name).map(|(_, most)| *most);
    let parts = match (parts, most) {
        (Some(parts), None) if any && parts.iter().all(|part| !part.is_empty()) => parts,
        (_, None) => {
            let known: Vec<&str> = MODIFIED.iter().map(|(name, _)| *name).collect();
            ctxt.error(text, format_args!("`{name}` takes no modifier; the types that do are {}", listed(&known)));
            return String::new();
        }
        (Some(parts), Some(most)) if parts.len() <= most && parts.iter().all(|part| part.parse::<i16>().is_ok()) => {
            parts
        }
        (_, Some(_)) => {
            let message = "a modifier is a number in parentheses, as in varchar(20), or two: numeric(12, 2)";
            ctxt.error(text, message);
            return String::new();
        }
    };
    // The server fills in what is left out.
    let rest = if name == "numeric" && parts.len() == 1 { ",0" } else { "" };
    format!("({}{rest})", parts.join(","))
}
