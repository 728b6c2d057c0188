//! The list of a struct's columns in SQL of the user's own, put together at compile time; in the way of [`super::sql`].

use super::sql::{ident, name, put};
use super::{Name, Spec};

/// A statement with a placeholder, and what takes its place.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// The statement.
    pub text: &'a str,
    /// The columns.
    pub columns: &'a [Spec],
    /// Which alias the columns behind a prefix have.
    pub aliases: &'a [(&'a str, &'a str)],
    /// The alias of all columns, where they are those of one table.
    pub alias: Option<&'a str>,
}

const PLACEHOLDER: &[u8] = b"{columns}";

const UNKNOWN: &str = "unknown placeholder: the known one is {columns}; write {{ and }} for braces of the SQL's own";
const MISSING: &str = "the placeholder {columns} is missing, for which the struct's columns are given";

const fn begins(text: &[u8], at: usize, with: &[u8]) -> bool {
    let mut i = 0;
    while i < with.len() {
        if at + i >= text.len() || text[at + i] != with[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Writes the statement.
///
/// # Panics
/// When there is a placeholder that is not known, or a prefix that no column has; at compile time.
pub const fn expand(out: &mut [u8], mut at: usize, template: &Template<'_>) -> usize {
    let text = template.text.as_bytes();
    let (mut i, mut found) = (0, false);
    while i < text.len() {
        if begins(text, i, PLACEHOLDER) {
            at = columns(out, at, template);
            i += PLACEHOLDER.len();
            found = true;
            continue;
        }
        if begins(text, i, b"{{") || begins(text, i, b"}}") {
            i += 1;
        } else {
            assert!(text[i] != b'{' && text[i] != b'}', "{}", UNKNOWN);
        }
        if at < out.len() {
            out[at] = text[i];
        }
        at += 1;
        i += 1;
    }
    assert!(found, "{}", MISSING);
    at
}

const fn columns(out: &mut [u8], mut at: usize, template: &Template<'_>) -> usize {
    let mut used = 0_u128;
    let mut first = true;
    let mut i = 0;
    while i < template.columns.len() {
        let spec = &template.columns[i];
        i += 1;
        let (prefix, rest) = split(&spec.name);
        let part = part(prefix, template.aliases);
        let (alias, inner) = match (template.alias, part) {
            (Some(alias), _) => (alias, &spec.name),
            (None, Some(part)) => {
                used |= 1 << part;
                (template.aliases[part].1, &rest)
            }
            (None, None) => continue,
        };
        if !first {
            at = put(out, at, ", ");
        }
        first = false;
        if spec.presence {
            at = put(out, at, "(");
            at = put(out, at, alias);
            at = put(out, at, " IS DISTINCT FROM NULL)");
        } else {
            at = put(out, at, alias);
            at = put(out, at, ".");
            at = name(out, at, inner);
        }
        if template.alias.is_none() {
            at = put(out, at, " AS ");
            at = ident(out, at, spec.name.pieces());
        }
    }
    let mut part = 0;
    while part < template.aliases.len() {
        assert!(used & (1 << part) != 0, "no column of the struct has this prefix: write it as `flatten` does");
        part += 1;
    }
    at
}

/// The outermost prefix, and the name without it.
const fn split(name: &Name) -> (&'static str, Name) {
    let [a, b, c, own] = *name.pieces();
    if !a.is_empty() {
        (a, Name::new(own).prefixed(c).prefixed(b))
    } else if !b.is_empty() {
        (b, Name::new(own).prefixed(c))
    } else {
        (c, Name::new(own))
    }
}

const fn part(prefix: &str, aliases: &[(&str, &str)]) -> Option<usize> {
    let mut i = 0;
    while i < aliases.len() && i < 128 {
        let given = aliases[i].0.as_bytes();
        if given.len() == prefix.len() && begins(given, 0, prefix.as_bytes()) {
            return Some(i);
        }
        i += 1;
    }
    None
}

/// Writes the columns of a struct into a statement, at compile time: for `{columns}`.
///
/// `Airport as a` names all columns behind one alias: `a."icao", a."name"`. `Trip { "a_" => a, "r_" => r }` gives each
/// embedded struct, by the prefix of its `flatten`, the alias of its table: `a."icao" AS "a_icao", …`, and to one with a
/// `marker` the column that says whether the row is there: `(r IS DISTINCT FROM NULL) AS "r_is_present"`, which asks for
/// the row as a whole (<https://www.postgresql.org/docs/current/functions-comparison.html>). Columns without a prefix
/// are written as those of `""`, or by hand where they are computed.
///
/// The text is a `&'static str`. Another placeholder, or a prefix that no column has, does not compile; `{{` and `}}`
/// stand for braces.
///
/// # Examples
/// ```
/// use pgrepo::{PgRecord, PgTable};
///
/// #[derive(PgTable)]
/// #[pg(table = "airports")]
/// struct Airport { #[pg(primary_key)] icao: String, name: String }
///
/// #[derive(PgTable)]
/// #[pg(table = "regions")]
/// struct Region { #[pg(primary_key)] id: i32, name: String }
///
/// #[derive(PgRecord)]
/// struct Trip {
///     #[pg(flatten = "a_")]
///     airport: Airport,
///     #[pg(flatten = "r_")]
///     region: Option<Region>,
/// }
///
/// const ONE: &str = pgrepo::sql!("SELECT {columns} FROM airports a WHERE a.icao = $1", Airport as a);
/// assert_eq!(ONE, r#"SELECT a."icao", a."name" FROM airports a WHERE a.icao = $1"#);
///
/// const TRIPS: &str = pgrepo::sql!(
///     "SELECT {columns} FROM airports a LEFT JOIN regions r ON r.id = a.region",
///     Trip { "a_" => a, "r_" => r }
/// );
/// assert!(TRIPS.starts_with(r#"SELECT a."icao" AS "a_icao", a."name" AS "a_name", r."id" AS "r_id""#));
/// ```
#[macro_export]
macro_rules! sql {
    ($text:literal, $record:ty as $alias:ident) => {
        $crate::__sql!($text, $record, &[], $crate::__private::Some(::core::stringify!($alias)))
    };
    ($text:literal, $record:ty { $($prefix:literal => $alias:ident),+ $(,)? }) => {
        $crate::__sql!($text, $record, &[$(($prefix, ::core::stringify!($alias))),+], $crate::__private::None)
    };
}

/// The body of [`sql!`](crate::sql).
#[doc(hidden)]
#[macro_export]
macro_rules! __sql {
    ($text:literal, $record:ty, $aliases:expr, $alias:expr) => {{
        const TEMPLATE: $crate::__private::Template<'static> = $crate::__private::Template {
            text: $text,
            columns: <$record as $crate::__private::Record>::SPECS,
            aliases: $aliases,
            alias: $alias,
        };
        const LENGTH: $crate::__private::usize = $crate::__private::expand(&mut [], 0, &TEMPLATE);
        const BYTES: [$crate::__private::u8; LENGTH] = {
            let mut bytes = [0; LENGTH];
            $crate::__private::expand(&mut bytes, 0, &TEMPLATE);
            bytes
        };
        const TEXT: &$crate::__private::str = match $crate::__private::from_utf8(&BYTES) {
            $crate::__private::Ok(text) => text,
            $crate::__private::Err(_) => ::core::panic!("an identifier is not UTF-8"),
        };
        TEXT
    }};
}
