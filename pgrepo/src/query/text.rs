//! What hand-written SQL begins with: enough of PostgreSQL's lexical rules to split a script and to find the first
//! keywords of each statement (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>).

use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};

mod token;

pub(crate) use token::with_literals;
use token::{in_word, last_argument, opaque};

const TRANSACTIONS: &str = "use begin, commit and rollback";
const SAVEPOINTS: &str = "use savepoint or begin_savepoint of the transaction";
const TWO_PHASES: &str = "two-phase commit is not offered";
const SETTINGS: &str = "unless its last argument is the literal true, it changes the session of whoever gets the \
                        connection next; with true it lasts as long as the transaction";
const SESSION: &str = "it changes the session of whoever gets the connection next";

/// Keywords that change the session behind the pool's back, or belong to methods of their own.
const REFUSED: [(&str, &str); 17] = [
    ("ABORT", TRANSACTIONS),
    ("BEGIN", TRANSACTIONS),
    ("COMMIT", TRANSACTIONS),
    ("COPY", "use copy_in and copy_out"),
    ("DEALLOCATE", "statements are kept and forgotten for you"),
    ("DISCARD", SESSION),
    ("END", TRANSACTIONS),
    ("LISTEN", SESSION),
    ("LOAD", SESSION),
    ("PREPARE", "statements are prepared for you"),
    ("RELEASE", SAVEPOINTS),
    ("RESET", SESSION),
    ("ROLLBACK", TRANSACTIONS),
    ("SAVEPOINT", SAVEPOINTS),
    ("SET", "it changes the session of whoever gets the connection next; SET LOCAL in a transaction does not"),
    ("START", TRANSACTIONS),
    ("UNLISTEN", SESSION),
];

/// Refuses statements that would leave the session changed, those that would do nothing because they take effect until
/// the end of a transaction and there is none, and a text that cannot be sent.
///
/// The first keywords of each statement are looked at, and calls of `set_config`: what other functions do to the session is
/// not seen.
pub(crate) fn check(sql: &str, in_transaction: bool) -> Result<()> {
    if is_plain(sql) {
        return Ok(());
    }
    if let Some(at) = sql.find('\0') {
        let message = format!("the SQL holds a NUL character at byte {at}, at which the server would stop to read it");
        return Err(Error::new(ErrorKind::Query, message));
    }
    let statements = statements(sql);
    // The server runs several statements of one message in one transaction.
    let transaction = in_transaction || statements.len() > 1;
    for (index, statement) in statements.iter().enumerate() {
        if let Some((what, advice)) = statement.refused(transaction) {
            let message = format!("statement {} {what}: {advice}; the raw connection takes anything", index + 1);
            return Err(Error::new(ErrorKind::Query, message));
        }
    }
    Ok(())
}

/// Whether this is a single statement that begins with a word of which none is refused: what nearly all are, seen
/// without reading the text word by word.
fn is_plain(sql: &str) -> bool {
    const PLAIN: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES"];
    let sql = sql.trim_ascii_start();
    let length = sql.find(|c| !in_word(c)).unwrap_or(sql.len());
    let first = sql.get(..length).unwrap_or_default();
    PLAIN.iter().any(|word| first.eq_ignore_ascii_case(word))
        && !sql.as_bytes().contains(&b';')
        && !sql.as_bytes().contains(&0)
        && !sql.match_indices('_').any(|(at, _)| {
            let is = |range: Range<usize>, word| sql.get(range).is_some_and(|text| text.eq_ignore_ascii_case(word));
            is(at.saturating_sub(3)..at, "set") && is(at + 1..at + 7, "config")
        })
}

/// What is kept of a statement.
#[derive(Debug, Default)]
struct Statement {
    /// Its first words, in capitals.
    words: Vec<String>,
    on_commit_drop: bool,
    cursor_with_hold: bool,
    /// It sets something for longer than its transaction, by `set_config`, or may do so.
    sets_session: bool,
}

impl Statement {
    /// How many words the longest beginning has that is looked for: CREATE OR REPLACE LOCAL TEMPORARY.
    const KEPT: usize = 5;

    fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// The word behind CREATE or CREATE OR REPLACE, and its index.
    fn created(&self) -> Option<(usize, &str)> {
        let index = match (self.word(0), self.word(1), self.word(2)) {
            ("CREATE", "OR", "REPLACE") => 3,
            ("CREATE", ..) => 1,
            _ => return None,
        };
        Some((index, self.word(index)))
    }

    fn is_routine(&self) -> bool {
        matches!(self.created(), Some((_, "FUNCTION" | "PROCEDURE")))
    }

    fn is_temporary(&self) -> bool {
        let is = |word: &str| matches!(word, "TEMP" | "TEMPORARY");
        match self.created() {
            Some((index, "LOCAL" | "GLOBAL")) => is(self.word(index + 1)),
            Some((_, word)) => is(word),
            None => false,
        }
    }

    /// Notes whether the call of `set_config` that goes on so lasts longer than its transaction.
    fn sets(&mut self, behind: &str) {
        self.sets_session |= last_argument(behind).is_some_and(|text| !text.eq_ignore_ascii_case("true"));
    }

    /// What it is refused for, and what to do instead.
    fn refused(&self, transaction: bool) -> Option<(String, &'static str)> {
        let found = self.refused_beginning(transaction);
        let beginning = found.map(|(keywords, advice)| (format!("begins with {keywords}"), advice));
        beginning.or_else(|| self.sets_session.then(|| ("calls set_config".to_owned(), SETTINGS)))
    }

    /// The keywords that it is refused for, and what to do instead.
    fn refused_beginning(&self, transaction: bool) -> Option<(String, &'static str)> {
        let (first, second) = (self.word(0), self.word(1));
        let both = || format!("{first} {second}");
        if self.is_temporary() && !self.on_commit_drop {
            return Some((
                self.words.join(" "),
                "it stays in the session of whoever gets the connection next; a table \
                 does not that is made with ON COMMIT DROP",
            ));
        }
        match (first, second) {
            ("SET", "LOCAL" | "CONSTRAINTS" | "TRANSACTION") => {
                (!transaction).then(|| (both(), "outside of a transaction it does nothing; use one: begin"))
            }
            ("PREPARE", "TRANSACTION") | ("COMMIT" | "ROLLBACK", "PREPARED") => Some((both(), TWO_PHASES)),
            ("ROLLBACK", "TO") => Some((both(), SAVEPOINTS)),
            ("DECLARE", _) if self.cursor_with_hold => {
                let advice = "its cursor WITH HOLD stays in the session of whoever gets the connection next; one \
                              without it ends with its transaction";
                Some((first.to_owned(), advice))
            }
            _ => REFUSED.iter().find(|(k, _)| *k == first).map(|(k, advice)| ((*k).to_owned(), *advice)),
        }
    }
}

/// The statements that have any word.
fn statements(sql: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut statement = Statement::default();
    let mut last = ["", ""];
    // How deep in BEGIN ATOMIC … END of a routine's body; the CASE … END in it count.
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = sql.as_bytes().get(at) {
        let rest = sql.get(at..).unwrap_or_default();
        if let Some(length) = opaque(rest, false) {
            // Behind a quotation mark it is the rest of a longer name.
            let whole = sql.get(..at).is_some_and(|before| !before.ends_with('"'));
            if depth == 0 && whole && rest.get(..length) == Some("\"set_config\"") {
                statement.sets(rest.get(length..).unwrap_or_default());
            }
            at += length;
            continue;
        }
        let length = match byte {
            b';' => {
                if depth == 0 {
                    if !statement.words.is_empty() {
                        found.push(std::mem::take(&mut statement));
                    }
                    last = ["", ""];
                }
                1
            }
            b if b.is_ascii_alphabetic() || *b == b'_' || !b.is_ascii() => {
                let length = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
                let word = rest.get(..length).unwrap_or_default();
                let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
                let behind =
                    |words: [&str; 2]| last.iter().zip(words).all(|(l, w)| w.is_empty() || l.eq_ignore_ascii_case(w));
                if depth > 0 {
                    // Behind AS or a dot even a keyword is a name.
                    let named = behind(["", "AS"]) || sql.get(..at).is_some_and(|before| before.ends_with('.'));
                    if is("CASE") && !named {
                        depth += 1;
                    } else if is("END") && !named {
                        depth -= 1;
                    }
                } else if is("ATOMIC") && behind(["", "BEGIN"]) && statement.is_routine() {
                    depth = 1;
                }
                statement.on_commit_drop |= is("DROP") && behind(["ON", "COMMIT"]);
                statement.cursor_with_hold |= is("HOLD") && behind(["CURSOR", "WITH"]);
                if depth == 0 && is("set_config") {
                    statement.sets(rest.get(length..).unwrap_or_default());
                }
                if statement.words.len() < Statement::KEPT {
                    statement.words.push(word.to_ascii_uppercase());
                }
                last = [last[1], word];
                length
            }
            _ => 1,
        };
        // Whatever stands there, the text is read to its end.
        at += length.max(1);
    }
    if !statement.words.is_empty() {
        found.push(statement);
    }
    found
}

#[cfg(test)]
mod tests;
