//! What hand-written SQL begins with: enough of PostgreSQL's lexical rules to split a script and to find the first
//! keywords of each statement (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>).

use crate::error::{Error, ErrorKind, Result};

mod token;

pub(crate) use token::with_literals;
use token::{comment, dollar, in_word, quoted};

const TRANSACTIONS: &str = "use begin, commit and rollback";
const SAVEPOINTS: &str = "use savepoint or begin_savepoint of the transaction";
const TWO_PHASES: &str = "two-phase commit is not offered";
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
/// Only the first keywords of each statement are looked at: what a function does to the session is not seen.
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
        if let Some((keywords, advice)) = statement.refused(transaction) {
            let message =
                format!("statement {} begins with {keywords}: {advice}; the raw connection takes anything", index + 1);
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
}

/// What is kept of a statement.
#[derive(Debug, Default)]
struct Statement {
    /// Its first words, in capitals.
    words: Vec<String>,
    on_commit_drop: bool,
    cursor_with_hold: bool,
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

    /// The keywords that it is refused for, and what to do instead.
    fn refused(&self, transaction: bool) -> Option<(String, &'static str)> {
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
            b'-' if rest.starts_with("--") => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => comment(rest),
            b'\'' => quoted(rest, '\'', false),
            b'"' => quoted(rest, '"', false),
            b'e' | b'E' if rest.get(1..2) == Some("'") => 1 + quoted(rest.get(1..).unwrap_or_default(), '\'', true),
            b'$' => dollar(rest),
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
mod tests {
    use super::*;

    /// The first two words of each statement.
    fn beginnings(sql: &str) -> Vec<String> {
        statements(sql).iter().map(|s| s.words.iter().take(2).cloned().collect::<Vec<_>>().join(" ")).collect()
    }

    fn refusal(sql: &str, in_transaction: bool) -> String {
        let error = check(sql, in_transaction).expect_err(sql);
        assert_eq!(error.kind(), ErrorKind::Query, "{sql}");
        error.to_string()
    }

    #[test]
    fn first_words_are_found_behind_comments_and_texts() {
        let sql =
            "/* BEGIN; /* x */ */ -- SET\n select 'a;b''c', E'\\';', \"x;y\", $$;SET$$, $t$;$$;$t$, $1; ;insert into t";
        assert_eq!(beginnings(sql), ["SELECT", "INSERT INTO"]);
        assert_eq!(beginnings("-- one\rBEGIN"), ["BEGIN"], "a comment also ends at a carriage return");
    }

    #[test]
    fn what_is_not_ascii_is_part_of_a_word() {
        for c in ["—", "€", "🦀", "\u{a0}", "é"] {
            assert_eq!(
                beginnings(&format!("{c} set; set{c} x; {c}")),
                [format!("{c} SET"), format!("SET{c} X"), c.into()]
            );
            // Of a tag as well, so that the text behind it is one.
            assert_eq!(beginnings(&format!("select ${c}$;set$$;${c}$; table t")), ["SELECT", "TABLE T"]);
        }
        // A long s is no s.
        check("ſet x = 1", false).unwrap();
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        const PARTS: [&str; 32] = [
            "'",
            "\"",
            "$",
            "$$",
            "$t$",
            "$é$",
            "$1",
            "--",
            "/*",
            "*/",
            "\n",
            "\r",
            ";",
            "\\",
            "E'",
            "e",
            "—",
            "€",
            "🦀",
            "\u{a0}",
            "é",
            "BEGIN ATOMIC ",
            "CREATE FUNCTION ",
            " CASE ",
            " END ",
            ".",
            " AS ",
            "SET ",
            "LOCAL ",
            "x",
            "\0",
            "1",
        ];
        let (mut seed, mut texts) = (0x5eed_u64, 0);
        let mut next = move |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % n
        };
        let (done, waited) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for _ in 0..20_000 {
                let text: String = (0..next(24)).map(|_| PARTS[next(PARTS.len())]).collect();
                let _ = (check(&text, false), statements(&text));
                texts += 1;
            }
            done.send(texts).unwrap();
        });
        let read = waited.recv_timeout(std::time::Duration::from_secs(60));
        assert_eq!(read, Ok(20_000), "a text is read without end, or panics");
    }

    #[test]
    fn what_changes_the_session_is_refused_and_named() {
        for sql in ["SET search_path = x", "select 1; begin", " /* */ Listen x", "commit", "COPY t FROM STDIN"] {
            for in_transaction in [false, true] {
                refusal(sql, in_transaction);
            }
        }
        assert!(refusal("select 1; begin", false).contains("statement 2 begins with BEGIN"));
        for sql in ["select 'SET x'", "UPDATE t SET a = 1", "values (1)", "", "with begin as (select 1) table begin"] {
            check(sql, false).unwrap();
        }
    }

    #[test]
    fn advice_names_what_there_is() {
        for sql in ["SAVEPOINT a", "RELEASE a", "ROLLBACK TO a"] {
            assert!(
                refusal(sql, true).contains("use savepoint or begin_savepoint of the transaction; the raw connection"),
                "{sql}"
            );
        }
        for sql in ["PREPARE TRANSACTION 'a'", "COMMIT PREPARED 'a'", "ROLLBACK PREPARED 'a'"] {
            assert!(refusal(sql, false).contains(": two-phase commit is not offered"), "{sql}");
        }
        assert!(refusal("PREPARE a AS SELECT 1", false).contains("statements are prepared for you"));
    }

    #[test]
    fn nul_is_refused_by_its_place() {
        assert!(refusal("select 1\0; begin", true).contains("NUL character at byte 8"));
    }

    #[test]
    fn what_lasts_as_long_as_a_transaction_needs_one() {
        for sql in ["SET LOCAL x = 1", "set transaction read only", "SET CONSTRAINTS ALL DEFERRED;"] {
            assert!(refusal(sql, false).contains("outside of a transaction it does nothing"), "{sql}");
            check(sql, true).unwrap();
            // A script is one transaction.
            check(&format!("{sql}; SELECT 1"), false).unwrap();
        }
    }

    #[test]
    fn what_stays_in_the_session_is_refused_unless_it_ends_with_the_transaction() {
        for sql in [
            "CREATE TEMP TABLE t (a int)",
            "create temporary table t as select 'ON COMMIT DROP'",
            "CREATE LOCAL TEMP TABLE t (a int) ON COMMIT DELETE ROWS",
            "CREATE GLOBAL TEMPORARY TABLE t (a int)",
            "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
            "CREATE TEMP SEQUENCE s",
        ] {
            for in_transaction in [false, true] {
                assert!(refusal(sql, in_transaction).contains("ON COMMIT DROP"), "{sql}");
            }
        }
        assert!(refusal("DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1", true).contains("WITH HOLD"));
        for sql in [
            "CREATE TEMP TABLE t (a int) ON COMMIT DROP",
            "create local temporary table t on commit drop as select 1",
            "CREATE TABLE temp (a int)",
            "DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1",
            "DECLARE c CURSOR FOR WITH hold AS (SELECT 1) TABLE hold",
        ] {
            check(sql, true).unwrap();
        }
    }

    #[test]
    fn the_body_of_a_routine_belongs_to_it() {
        let sql = "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC\n\
                   SELECT CASE WHEN a > 0 THEN CASE a WHEN 1 THEN 2 END ELSE 3 END AS end;\n\
                   SELECT t.case, 1 AS case FROM t; SELECT 4; END;\n\
                   CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END; SELECT 1";
        assert_eq!(beginnings(sql), ["CREATE OR", "CREATE PROCEDURE", "SELECT"]);
        check(sql, false).unwrap();
        // Behind the body everything is looked at again.
        assert!(refusal(&format!("{sql}; BEGIN; SELECT 1; END"), false).contains("statement 4 begins with BEGIN"));
        assert!(refusal("CREATE TABLE t (a int); BEGIN ATOMIC; END", false).contains("statement 2 begins with BEGIN"));
    }
}
