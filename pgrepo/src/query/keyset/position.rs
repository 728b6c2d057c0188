//! The condition that a row stands behind another one.

use crate::query::Text;

use super::order::Term;
use super::token::TokenValue;

/// The parameters that are values of a token: the number of each, `$1` first, once it has one.
pub(super) struct Bound<'f> {
    values: &'f [TokenValue],
    pub(super) numbers: Vec<Option<usize>>,
}

impl<'f> Bound<'f> {
    pub(super) fn new(values: &'f [TokenValue]) -> Self {
        Self { values, numbers: vec![None; values.len()] }
    }

    fn is_null(&self, term: usize) -> bool {
        self.values.get(term).is_none_or(TokenValue::is_null)
    }

    /// Appends a value's parameter, the same one each time.
    fn put<'q>(&mut self, text: &mut Text<'f, 'q>, term: usize) {
        match (self.numbers.get_mut(term), self.values.get(term)) {
            (Some(Some(number)), _) => text.push(&format!("${number}")),
            (Some(number), Some(value)) => {
                text.param(value);
                *number = Some(text.params.len());
            }
            _ => text.push("NULL"),
        }
    }
}

impl<'f, 'q> Text<'f, 'q> {
    /// Appends the condition that a row stands behind the values, from the term `at` on.
    ///
    /// Columns that are never NULL and go in one direction are compared as a row, which an index on them serves:
    /// `("a", "b") > ($1, $2)`. Else it is spelled out, column after column, with what NULL means in the order:
    /// `("a" >= $1 AND ("a" > $1 OR "b" < $2))`, or `("a" > $1 OR "a" IS NULL OR ("a" = $1 AND "b" < $2))`.
    pub(super) fn behind_row(&mut self, terms: &'f [Term<'f, 'q>], at: usize, bound: &mut Bound<'f>) {
        let Some((term, rest)) = terms.get(at..).and_then(<[_]>::split_first) else { return self.push("false") };
        let operator = if term.descending { " < " } else { " > " };
        if !term.nullable && rest.iter().all(|t| !t.nullable && t.descending == term.descending) {
            return self.row_behind(terms, at, operator, bound);
        }
        let last = rest.is_empty();
        match (bound.is_null(at), term.nullable && !term.nulls_first) {
            (true, nulls_last) => {
                self.push("(");
                self.fragment(term.by);
                self.push(if nulls_last { " IS NULL AND " } else { " IS NOT NULL OR " });
                self.behind_row(terms, at + 1, bound);
                self.push(")");
            }
            (false, true) => {
                self.push("(");
                self.compared(term, operator, at, bound);
                self.push(" OR ");
                self.fragment(term.by);
                self.push(" IS NULL");
                if !last {
                    self.push(" OR (");
                    self.compared(term, " = ", at, bound);
                    self.push(" AND ");
                    self.behind_row(terms, at + 1, bound);
                    self.push(")");
                }
                self.push(")");
            }
            (false, false) if last => self.compared(term, operator, at, bound),
            (false, false) => {
                // The first comparison is the second's and the equality's in one, for the sake of an index.
                self.push("(");
                self.compared(term, if term.descending { " <= " } else { " >= " }, at, bound);
                self.push(" AND (");
                self.compared(term, operator, at, bound);
                self.push(" OR ");
                self.behind_row(terms, at + 1, bound);
                self.push("))");
            }
        }
    }

    fn compared(&mut self, term: &Term<'f, 'q>, operator: &str, at: usize, bound: &mut Bound<'f>) {
        self.fragment(term.by);
        self.push(operator);
        bound.put(self, at);
    }

    fn row_behind(&mut self, terms: &'f [Term<'f, 'q>], at: usize, operator: &str, bound: &mut Bound<'f>) {
        let (open, close) = if terms.len() - at > 1 { ("(", ")") } else { ("", "") };
        self.push(open);
        for (number, term) in terms.iter().enumerate().skip(at) {
            self.push(if number > at { ", " } else { "" });
            self.fragment(term.by);
        }
        self.push(close);
        self.push(operator);
        self.push(open);
        for number in at..terms.len() {
            self.push(if number > at { ", " } else { "" });
            bound.put(self, number);
        }
        self.push(close);
    }
}
