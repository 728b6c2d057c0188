//! A path into a document, as far as it must be understood: whether it is a chain of plain keys, and where it ends.

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};

use super::Asked;

/// A path of the SQL/JSON path language (<https://www.postgresql.org/docs/current/functions-json.html>).
#[derive(Debug)]
pub(super) struct Path<'p> {
    text: &'p str,
    /// The keys from the document's root, if the path is made of keys only.
    keys: Option<Vec<String>>,
    /// Whether a condition in it names `$value`.
    names_value: bool,
}

impl<'p> Path<'p> {
    /// Reads a path: `$`, then keys, subscripts, methods and filters. What stands in brackets is the server's to read.
    pub(super) fn read(text: &'p str) -> Result<Self> {
        Reader { text, at: 0, names_value: false }.path()
    }

    /// What the path and a value ask of a document.
    pub(super) fn asks(self, value: Value) -> Result<Asked> {
        if let Some(keys) = self.keys {
            let nested =
                keys.into_iter().rev().fold(value, |inner, key| Value::Object([(key, inner)].into_iter().collect()));
            return Ok(Asked::Contained(nested));
        }
        let variables = json!({ "value": value });
        if self.names_value {
            return Ok(Asked::Path { path: self.text.to_owned(), variables });
        }
        if value.is_object() || value.is_array() {
            let message = "a path that is not made of keys only compares with a string, a number, a bool or null, and \
                           the value is an object or an array; give a path of keys, which asks what the document contains";
            return Err(Error::new(ErrorKind::Query, message));
        }
        Ok(Asked::Path { path: format!("{} ? (@ == $value)", self.text), variables })
    }
}

struct Reader<'p> {
    text: &'p str,
    at: usize,
    names_value: bool,
}

impl<'p> Reader<'p> {
    fn path(mut self) -> Result<Path<'p>> {
        let mut keys = Some(Vec::new());
        self.space();
        if self.word("strict") || self.word("lax") {
            keys = None;
            self.space();
        }
        if !self.eat('$') || self.peek().is_some_and(in_name) {
            self.at = self.at.min(self.text.len());
            return Err(self.expected("`$`, the document, at the beginning"));
        }
        loop {
            self.space();
            match self.peek() {
                None => return Ok(Path { text: self.text, keys, names_value: self.names_value }),
                Some('.') => {
                    self.at += 1;
                    match self.step()? {
                        Some(key) => keys.iter_mut().for_each(|keys| keys.push(key.clone())),
                        None => keys = None,
                    }
                }
                Some('[') => {
                    self.brackets()?;
                    keys = None;
                }
                Some('?') => {
                    self.at += 1;
                    self.space();
                    if self.peek() != Some('(') {
                        return Err(self.expected("`(` behind the `?` of a filter"));
                    }
                    self.brackets()?;
                    keys = None;
                }
                Some(_) => {
                    return Err(self.expected(
                        "`.key`, `[…]`, `? (…)` or the end (a condition stands in a filter, such as `$ ? (@.price > \
                         $value)`, and a key with such characters in quotation marks, such as `.\"a-b\"`)",
                    ));
                }
            }
        }
    }

    /// What stands behind a dot: a key, or a wildcard or a method, for which there is `None`.
    fn step(&mut self) -> Result<Option<String>> {
        self.space();
        match self.peek() {
            Some('*') => {
                while self.eat('*') {}
                self.space();
                if self.peek() == Some('{') {
                    self.brackets()?;
                }
                Ok(None)
            }
            Some('"') => self.quoted().map(Some),
            Some(c) if in_name(c) && !c.is_ascii_digit() => {
                let name = self.name();
                self.space();
                if self.peek() == Some('(') {
                    self.brackets()?;
                    return Ok(None);
                }
                Ok(Some(name.to_owned()))
            }
            _ => Err(self.expected("a key behind the dot, in quotation marks unless it is a plain word")),
        }
    }

    fn name(&mut self) -> &'p str {
        let rest = self.rest();
        let length = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// A key in quotation marks, which is written as JSON writes texts.
    fn quoted(&mut self) -> Result<String> {
        let begin = self.at;
        self.string()?;
        let text = self.text.get(begin..self.at).unwrap_or_default();
        serde_json::from_str(text).map_err(|e| {
            self.at = begin;
            self.expected("a key as JSON writes texts").caused_by(e)
        })
    }

    /// Goes behind a text in quotation marks.
    fn string(&mut self) -> Result<()> {
        let begin = self.at;
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => drop(chars.next()),
                '"' => {
                    self.at = begin + at + 1;
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(self.refused(begin, "the text that begins there has no end: expected `\"`"))
    }

    /// Goes behind the bracket that closes the one that stands here.
    fn brackets(&mut self) -> Result<()> {
        let mut open = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.string()?;
                    continue;
                }
                '(' | '[' | '{' => open.push((self.at, closing(c))),
                ')' | ']' | '}' => {
                    if let Some((_, wanted)) = open.pop_if(|(_, wanted)| *wanted != c) {
                        return Err(self.expected(&format!("`{wanted}`")));
                    }
                    open.pop();
                }
                '$' => {
                    self.at += 1;
                    let begin = self.at;
                    match self.name() {
                        "" => {}
                        "value" => self.names_value = true,
                        _ => return Err(self.refused(begin, "the one variable is `$value`")),
                    }
                    continue;
                }
                _ => {}
            }
            self.at += c.len_utf8();
            if open.is_empty() {
                return Ok(());
            }
        }
        let (begin, wanted) = open.pop().unwrap_or((self.at, ')'));
        Err(self.refused(begin, &format!("the bracket that opens there is not closed: expected `{wanted}`")))
    }

    fn rest(&self) -> &'p str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let there = self.peek() == Some(c);
        if there {
            self.at += c.len_utf8();
        }
        there
    }

    /// Goes behind a word that a space follows, if it stands here.
    fn word(&mut self, word: &str) -> bool {
        let there = self.rest().strip_prefix(word).is_some_and(|rest| rest.starts_with(in_space));
        if there {
            self.at += word.len();
        }
        there
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(in_space).len();
    }

    fn expected(&self, what: &str) -> Error {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(c) if c.is_control() => format!("`{}`", c.escape_debug()),
            Some(c) => format!("`{c}`"),
        };
        self.refused(self.at, &format!("expected {what}, found {found}"))
    }

    fn refused(&self, at: usize, what: &str) -> Error {
        Error::new(ErrorKind::Query, format!("the JSON path is wrong at byte {at}: {what}"))
    }
}

fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// What a key may be made of without quotation marks, but that a digit does not begin it.
fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// What the server takes for white space.
fn in_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(path: &str) -> Option<Vec<String>> {
        Path::read(path).unwrap().keys
    }

    fn refusal(path: &str) -> String {
        let error = Path::read(path).expect_err(path);
        assert_eq!(error.kind(), ErrorKind::Query, "{path}");
        error.to_string()
    }

    #[test]
    fn plain_keys_are_found() {
        assert_eq!(keys("$.profile.location.city").unwrap(), ["profile", "location", "city"]);
        assert_eq!(keys(" $ . a\t.\n\"b c\" .größe._1 ").unwrap(), ["a", "b c", "größe", "_1"]);
        assert_eq!(keys(r#"$."a\"b"."\u00e9\\".strict.lax"#).unwrap(), ["a\"b", "é\\", "strict", "lax"]);
        assert_eq!(keys("$").unwrap(), [""; 0]);
        assert_eq!(keys(r#"$."".a"#).unwrap(), ["", "a"]);
    }

    #[test]
    fn anything_else_is_left_to_the_server() {
        for path in [
            "$.a[*]",
            "$[0]",
            "$.a[last].b",
            "$.*",
            "$.**.b",
            "$.**{2 to last}.b",
            "$.a.size()",
            "$.a ? (@.b == 1)",
            "lax $.a",
            "strict $.a",
            r#"$.a?(@."x)" like_regex "^[(]")"#,
            "$.a[$.n].b",
            "$.a ? (exists (@.b[*] ? (@ > 1)))",
        ] {
            assert_eq!(keys(path), None, "{path}");
            assert!(!Path::read(path).unwrap().names_value, "{path}");
        }
        assert!(Path::read("$.a[*] ? (@.b > $value && @.c < 3)").unwrap().names_value);
        assert!(!Path::read(r#"$.a[*] ? (@.b == "$value")"#).unwrap().names_value);
    }

    #[test]
    fn what_is_asked() {
        let asks = |path, value| Path::read(path).unwrap().asks(value);
        let contained = Asked::Contained(json!({"a": {"b": [1]}}));
        assert_eq!(asks("$.a.b", json!([1])).unwrap(), contained);
        assert_eq!(asks("$", json!({"x": null})).unwrap(), Asked::Contained(json!({"x": null})));
        let path = |path: &str| Asked::Path { path: path.to_owned(), variables: json!({"value": 3}) };
        assert_eq!(asks("$.a[*]", json!(3)).unwrap(), path("$.a[*] ? (@ == $value)"));
        assert_eq!(asks("$.a ? (@ > $value)", json!(3)).unwrap(), path("$.a ? (@ > $value)"));
        let error = asks("$.a[*]", json!({})).unwrap_err();
        assert!(error.to_string().contains("give a path of keys"), "{error}");
    }

    #[test]
    fn mistakes_are_named_by_their_place() {
        for (path, at, what) in [
            ("", 0, "expected `$`, the document, at the beginning, found the end"),
            ("profile.city", 0, "expected `$`, the document, at the beginning, found `p`"),
            ("$value.a", 1, "expected `$`, the document, at the beginning, found `v`"),
            ("$.", 2, "expected a key behind the dot, in quotation marks unless it is a plain word, found the end"),
            ("$..a", 2, "found `.`"),
            ("$.1a", 2, "found `1`"),
            ("$.a-b", 3, "in quotation marks, such as `.\"a-b\"`), found `-`"),
            ("$.a == 1", 4, "a condition stands in a filter"),
            ("$.a; DROP TABLE t", 3, "found `;`"),
            ("$.a ?", 5, "expected `(` behind the `?` of a filter, found the end"),
            ("$.a[0", 3, "the bracket that opens there is not closed: expected `]`"),
            ("$.a[(0]", 6, "expected `)`, found `]`"),
            ("$.a ? (@.b == $other)", 15, "the one variable is `$value`"),
            (r#"$."a"#, 2, "the text that begins there has no end"),
            (r#"$."\x41""#, 2, r#"expected a key as JSON writes texts, found `"`"#),
            ("$.a\0", 3, r"found `\0`"),
        ] {
            let message = refusal(path);
            assert!(message.contains(&format!("at byte {at}: ")) && message.contains(what), "{path}: {message}");
        }
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        const PARTS: [&str; 24] = [
            "$", ".", "a", "é", "🦀", "\"", "\\", "[", "]", "(", ")", "{", "}", "?", "@", "*", " ", "\u{a0}", "1",
            "lax ", "$value", "==", "\0", "'",
        ];
        let mut seed = 0x5eed_u64;
        let mut next = move |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % n
        };
        let mut read = 0;
        for _ in 0..100_000 {
            let text: String = std::iter::once("$").chain((0..next(9)).map(|_| PARTS[next(PARTS.len())])).collect();
            read += usize::from(Path::read(&text).is_ok());
        }
        assert!(read > 1_000, "{read}");
    }
}
