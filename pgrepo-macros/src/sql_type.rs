//! The SQL type that a field declares, and its modifier: `numeric(12, 2)`.

use std::ops::RangeInclusive;

use syn::LitStr;

use crate::ctxt::Ctxt;
use crate::symbol::listed;

/// A type by its name in `pg_type`, and what stands in parentheses behind it.
pub(crate) struct SqlType {
    pub(crate) name: LitStr,
    /// With its parentheses, as the server writes it; empty for none.
    pub(crate) modifier: String,
}

const LENGTH: &[RangeInclusive<i32>] = &[1..=10_485_760];
const BITS: &[RangeInclusive<i32>] = &[1..=83_886_080];
const DIGITS: &[RangeInclusive<i32>] = &[0..=6];

/// The built-in types that take a modifier, and which numbers it may be
/// (<https://www.postgresql.org/docs/current/datatype.html>).
const MODIFIED: [(&str, &[RangeInclusive<i32>]); 9] = [
    ("numeric", &[1..=1000, -1000..=1000]),
    ("varchar", LENGTH),
    ("bpchar", LENGTH),
    ("bit", BITS),
    ("varbit", BITS),
    ("time", DIGITS),
    ("timetz", DIGITS),
    ("timestamp", DIGITS),
    ("timestamptz", DIGITS),
];

impl SqlType {
    /// Reads it; of a type that only sqlx knows, such as `geometry(Point,4326)`, anything is a modifier.
    pub(crate) fn read(ctxt: &Ctxt, text: &LitStr, any: bool) -> Self {
        let whole = text.value();
        let (name, modifier) = match whole.split_once('(') {
            None => (whole.as_str(), String::new()),
            Some((name, rest)) => {
                let name = name.trim_end();
                let modifier = modifier(name, rest, any).map_err(|message| ctxt.error(text, message));
                (name, modifier.unwrap_or_default())
            }
        };
        Self { name: LitStr::new(name, text.span()), modifier }
    }
}

/// What stands behind an opening parenthesis, or what is wrong with it.
fn modifier(name: &str, rest: &str, any: bool) -> Result<String, String> {
    let Some(inside) = rest.trim_end().strip_suffix(')') else {
        return Err(match rest.trim_end().strip_suffix("[]") {
            Some(_) => "the type is that of the elements: the field's `Vec` makes it an array".to_owned(),
            None => "the parenthesis is not closed".to_owned(),
        });
    };
    let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
    let Some((_, ranges)) = MODIFIED.iter().find(|(known, _)| *known == name) else {
        if any {
            return Ok(format!("({})", parts.join(",")));
        }
        let known: Vec<&str> = MODIFIED.iter().map(|(name, _)| *name).collect();
        return Err(format!("`{name}` takes no modifier; the types that do are {}", listed(&known)));
    };
    let numbers = parts.iter().zip(*ranges).map(|(part, range)| part.parse().ok().filter(|n| range.contains(n)));
    match numbers.collect::<Option<Vec<i32>>>() {
        Some(numbers) if numbers.len() == parts.len() => {
            let mut written: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            // The server fills in what is left out.
            written.resize(ranges.len(), "0".to_owned());
            Ok(format!("({})", written.join(",")))
        }
        _ => {
            let ranges: Vec<String> = ranges.iter().map(|r| format!("from {} to {}", r.start(), r.end())).collect();
            Err(format!("the modifier of `{name}` is a number {}", ranges.join(", and behind a comma one ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::modifier;

    #[test]
    fn a_modifier_is_as_the_server_writes_it() {
        for (name, rest, expected) in [
            ("varchar", "20)", "(20)"),
            ("varchar", " 020 ) ", "(20)"),
            ("varchar", "10485760)", "(10485760)"),
            ("numeric", "+5, 2)", "(5,2)"),
            ("numeric", "4)", "(4,0)"),
            ("numeric", "3,-2)", "(3,-2)"),
            ("timestamptz", "0)", "(0)"),
        ] {
            assert_eq!(modifier(name, rest, false).as_deref(), Ok(expected));
        }
        assert_eq!(modifier("geometry", "Point, 4326)", true).as_deref(), Ok("(Point,4326)"));
        for (name, rest) in [
            ("varchar", "0)"),
            ("varchar", "-1)"),
            ("varchar", "10485761)"),
            ("varchar", "1, 2)"),
            ("varchar", ")"),
            ("numeric", "1001)"),
            ("numeric", "1,2,3)"),
            ("timestamp", "9)"),
        ] {
            let told = modifier(name, rest, false).err();
            let begins = format!("the modifier of `{name}` is a number from ");
            assert!(told.as_ref().is_some_and(|told| told.starts_with(&begins)), "{name}({rest}: {told:?}");
        }
        assert!(modifier("geometry", "Point", true).is_err_and(|told| told.contains("not closed")));
        assert!(modifier("varchar", "20)[]", false).is_err_and(|told| told.contains("`Vec`")));
    }
}
