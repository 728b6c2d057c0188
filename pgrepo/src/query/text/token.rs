//! How far the tokens of SQL reach that a keyword may not be looked for in.

/// What belongs to a word but its first letter: to PostgreSQL each character beyond ASCII is a letter.
pub(super) fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The length of what no keyword is looked for in, if the text begins with that: a comment, a text, a quoted name, a
/// parameter.
///
/// `escapes` says whether a backslash escapes in every text, as with `standard_conforming_strings` off.
pub(super) fn opaque(text: &str, escapes: bool) -> Option<usize> {
    let length = match text.as_bytes().first()? {
        b'-' if text.starts_with("--") => text.find(['\n', '\r']).unwrap_or(text.len()),
        b'/' if text.starts_with("/*") => comment(text),
        b'\'' => quoted(text, '\'', escapes),
        b'"' => quoted(text, '"', false),
        b'e' | b'E' if text.get(1..2) == Some("'") => 1 + quoted(text.get(1..).unwrap_or_default(), '\'', true),
        b'$' => dollar(text),
        _ => return None,
    };
    Some(length.max(1))
}

/// The last argument of the call whose name stands before this text, without its name; empty where the call has no end.
/// `None` where it is no call.
pub(super) fn last_argument(text: &str) -> Option<&str> {
    let mut text = text.trim_start();
    while text.starts_with("--") || text.starts_with("/*") {
        text = text.get(opaque(text, false)?..)?.trim_start();
    }
    let arguments = text.strip_prefix('(')?;
    let (mut depth, mut from, mut at) = (0_usize, 0, 0);
    while let Some(byte) = arguments.as_bytes().get(at) {
        let rest = arguments.get(at..).unwrap_or_default();
        if let Some(length) = opaque(rest, false) {
            at += length;
            continue;
        }
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' if depth > 0 => depth -= 1,
            b')' => {
                let last = arguments.get(from..at).unwrap_or_default().trim();
                return Some(last.strip_prefix("is_local").map_or(last, |value| {
                    let value = value.trim_start();
                    value.strip_prefix("=>").or(value.strip_prefix(":=")).map_or(last, str::trim)
                }));
            }
            b',' if depth == 0 => from = at + 1,
            _ => {}
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    Some("")
}

/// The length of a comment, which may hold others.
fn comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a quoted text; a doubled quotation mark goes on, as two texts side by side.
fn quoted(text: &str, mark: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == mark {
            return at + 1;
        }
    }
    text.len()
}

/// The length of a text between dollar signs and a tag, or of a lone dollar sign or parameter.
fn dollar(text: &str) -> usize {
    let tag = text.get(1..).unwrap_or_default();
    if tag.starts_with(|c: char| c.is_ascii_digit()) {
        return 1 + tag.find(|c: char| !c.is_ascii_digit()).unwrap_or(tag.len());
    }
    let end = tag.find(|c| c == '$' || !in_word(c)).unwrap_or(tag.len());
    if !tag.get(end..).unwrap_or_default().starts_with('$') {
        return 1;
    }
    let mark = text.get(..end + 2).unwrap_or_default();
    let body = text.get(mark.len()..).unwrap_or_default();
    body.find(mark).map_or(text.len(), |close| mark.len() + close + mark.len())
}

/// The statement with a piece of SQL in the place of each parameter that there is one for.
///
/// `escapes` says whether a backslash escapes in every text, as with `standard_conforming_strings` off.
pub(crate) fn with_literals(sql: &str, literals: &[String], escapes: bool) -> String {
    let mut all = String::with_capacity(sql.len());
    let mut at = 0;
    while let Some(byte) = sql.as_bytes().get(at) {
        let rest = sql.get(at..).unwrap_or_default();
        let length = opaque(rest, escapes).unwrap_or_else(|| {
            rest.find(|c| !in_word(c)).unwrap_or(rest.len()).max(rest.chars().next().map_or(1, char::len_utf8))
        });
        if *byte == b'$' {
            let number = rest.get(1..length).and_then(|digits| digits.parse::<usize>().ok());
            if let Some(literal) = number.and_then(|n| literals.get(n.checked_sub(1)?)) {
                all.push_str(literal);
                at += length;
                continue;
            }
        }
        all.push_str(rest.get(..length).unwrap_or_default());
        at += length;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_replaced_where_they_are_parameters() {
        let put = |sql: &str, escapes| with_literals(sql, &["<1>".to_owned(), "<2>".to_owned()], escapes);
        for (sql, expected) in [
            ("SELECT $1,$2, $10, $3, $0", "SELECT <1>,<2>, $10, $3, $0"),
            ("a=$1::int8 AND($2)", "a=<1>::int8 AND(<2>)"),
            ("'$1' \"$1\" E'\\'$1' e'$1' U&'$1'", "'$1' \"$1\" E'\\'$1' e'$1' U&'$1'"),
            ("'it''s $1' || $1", "'it''s $1' || <1>"),
            ("$$ $1 $$ $t$ $1 $$ $t$ $1", "$$ $1 $$ $t$ $1 $$ $t$ <1>"),
            ("a$1 é$1 $1", "a$1 é$1 <1>"),
            ("-- $1\n$1 /* $1 /* $1 */ $1 */ $1", "-- $1\n<1> /* $1 /* $1 */ $1 */ <1>"),
            ("'a\\' || $1 || '$1'", "'a\\' || <1> || '$1'"),
            ("'é' <> $1 — €", "'é' <> <1> — €"),
            ("$1", "<1>"),
            ("", ""),
        ] {
            assert_eq!(put(sql, false), expected);
        }
        assert_eq!(put("'a\\' || $1 || '$1'", true), "'a\\' || $1 || '<1>'", "with backslashes that escape");
    }
}
