//! How far the tokens of SQL reach that a keyword may not be looked for in.

/// What belongs to a word but its first letter: to PostgreSQL each character beyond ASCII is a letter.
pub(super) fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The length of a comment, which may hold others.
pub(super) fn comment(text: &str) -> usize {
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
pub(super) fn quoted(text: &str, mark: char, escapes: bool) -> usize {
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
pub(super) fn dollar(text: &str) -> usize {
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
