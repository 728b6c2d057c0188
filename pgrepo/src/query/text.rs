//! What hand-written SQL begins with: enough of PostgreSQL's lexical rules to split a script and to find the first
//! keyword of each statement (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>).

use crate::error::{Error, ErrorKind, Result};

/// Keywords that change the session behind the pool's back, or belong to methods of their own.
const REFUSED: [(&str, &str); 17] = [
    ("ABORT", "use begin, commit and rollback"),
    ("BEGIN", "use begin, commit and rollback"),
    ("COMMIT", "use begin, commit and rollback"),
    ("COPY", "use copy_in and copy_out"),
    ("DEALLOCATE", "statements are kept and forgotten for you"),
    ("DISCARD", "it changes the session of whoever gets the connection next"),
    ("END", "use begin, commit and rollback"),
    ("LISTEN", "it changes the session of whoever gets the connection next"),
    ("LOAD", "it changes the session of whoever gets the connection next"),
    ("PREPARE", "statements are prepared for you"),
    ("RELEASE", "use savepoint"),
    ("RESET", "it changes the session of whoever gets the connection next"),
    ("ROLLBACK", "use begin, commit and rollback"),
    ("SAVEPOINT", "use savepoint"),
    ("SET", "it changes the session of whoever gets the connection next; SET LOCAL in a transaction does not"),
    ("START", "use begin, commit and rollback"),
    ("UNLISTEN", "it changes the session of whoever gets the connection next"),
];

/// Refuses statements that would leave the session changed.
///
/// Only the first keyword of each statement is looked at: what a function does to the session is not seen.
pub(crate) fn check(sql: &str) -> Result<()> {
    for (index, words) in first_words(sql).into_iter().enumerate() {
        let mut words = words.iter().map(String::as_str);
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if first == "SET" && matches!(second, "LOCAL" | "CONSTRAINTS" | "TRANSACTION") {
            continue;
        }
        if let Some((keyword, advice)) = REFUSED.iter().find(|(keyword, _)| *keyword == first) {
            let message =
                format!("statement {} begins with {keyword}: {advice}; the raw connection takes anything", index + 1);
            return Err(Error::new(ErrorKind::Query, message));
        }
    }
    Ok(())
}

/// The first two words, in capitals, of each statement that has any.
fn first_words(sql: &str) -> Vec<Vec<String>> {
    let bytes = sql.as_bytes();
    let mut statements = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut at = 0;
    // How deep the statement stands in BEGIN ATOMIC … END of a function's body is not followed: such a body's inner
    // statements begin with SELECT, INSERT, …, which are not refused, or with END, which is.
    while let Some(byte) = bytes.get(at) {
        let rest = sql.get(at..).unwrap_or_default();
        at += match byte {
            b';' => {
                if !words.is_empty() {
                    statements.push(std::mem::take(&mut words));
                }
                1
            }
            b'-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => comment(rest),
            b'\'' => quoted(rest, '\'', false),
            b'"' => quoted(rest, '"', false),
            b'e' | b'E' if rest.get(1..2) == Some("'") => 1 + quoted(rest.get(1..).unwrap_or_default(), '\'', true),
            b'$' => dollar(rest),
            b if b.is_ascii_alphabetic() || *b == b'_' || *b >= 0x80 => {
                let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
                if words.len() < 2 {
                    words.push(rest.get(..length).unwrap_or_default().to_uppercase());
                }
                length
            }
            _ => 1,
        };
    }
    if !words.is_empty() {
        statements.push(words);
    }
    statements
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
    let end = tag.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(tag.len());
    if !tag.get(end..).unwrap_or_default().starts_with('$') || tag.starts_with(|c: char| c.is_ascii_digit()) {
        return 1 + end;
    }
    let mark = text.get(..end + 2).unwrap_or_default();
    let body = text.get(mark.len()..).unwrap_or_default();
    body.find(mark).map_or(text.len(), |close| mark.len() + close + mark.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_are_found_behind_comments_and_texts() {
        let sql =
            "/* BEGIN; /* x */ */ -- SET\n select 'a;b''c', E'\\';', \"x;y\", $$;SET$$, $t$;$$;$t$, $1; ;insert into t";
        assert_eq!(first_words(sql), [["SELECT"; 1].map(str::to_owned).to_vec(), vec!["INSERT".into(), "INTO".into()]]);
    }

    #[test]
    fn what_changes_the_session_is_refused_and_named() {
        for sql in ["SET search_path = x", "select 1; begin", " /* */ Listen x", "commit", "COPY t FROM STDIN"] {
            let error = check(sql).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Query, "{sql}");
        }
        assert!(check("select 1; begin").unwrap_err().to_string().contains("statement 2 begins with BEGIN"));
        for sql in [
            "SET LOCAL x = 1",
            "select 'SET x'",
            "UPDATE t SET a = 1",
            "values (1)",
            "",
            "with begin as (select 1) table begin",
        ] {
            check(sql).unwrap();
        }
    }
}
