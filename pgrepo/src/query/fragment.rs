//! Pieces of statements with the values that are bound in them.

use std::borrow::Cow;

use crate::pool::Param;
use crate::table::{Name, sql};
use crate::value::AnyValue;

/// A piece of a statement: text, columns, and values that become parameters.
#[derive(Default)]
pub(crate) struct Fragment<'q> {
    pieces: Vec<Piece<'q>>,
}

enum Piece<'q> {
    Text(Cow<'static, str>),
    Column(Name),
    Param(Box<Param<'q>>),
}

impl<'q> Fragment<'q> {
    /// Begins with a column.
    pub(crate) fn column(name: Name) -> Self {
        Self::default().name(name)
    }

    /// The column, if the piece is nothing else.
    pub(crate) fn as_column(&self) -> Option<Name> {
        match self.pieces.as_slice() {
            [Piece::Column(name)] => Some(*name),
            _ => None,
        }
    }

    /// Appends a column.
    pub(crate) fn name(mut self, name: Name) -> Self {
        self.pieces.push(Piece::Column(name));
        self
    }

    /// Appends text, which holds neither a value nor a name that was not quoted.
    pub(crate) fn text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.pieces.push(Piece::Text(text.into()));
        self
    }

    /// Appends a column.
    pub(crate) fn and_column(mut self, name: Name) -> Self {
        self.pieces.push(Piece::Column(name));
        self
    }

    /// Appends another piece.
    pub(crate) fn followed_by(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// Appends a value, which is bound.
    pub(crate) fn param(mut self, value: impl AnyValue + Send + Sync + 'q) -> Self {
        self.pieces.push(Piece::Param(Box::new(value)));
        self
    }
}

/// A statement under way: its text, and the values of its parameters in their order.
#[derive(Default)]
pub(crate) struct Text<'f, 'q> {
    pub(crate) sql: String,
    pub(crate) params: Vec<&'f Param<'q>>,
    /// What stands before each column's name: an alias with its dot.
    qualifier: &'static str,
    /// What stands for the parameters, where they are written out.
    literals: Vec<String>,
}

impl<'f, 'q> Text<'f, 'q> {
    /// A statement that begins with this text.
    pub(crate) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), ..Self::default() }
    }

    /// Writes these in the place of the parameters.
    pub(crate) fn with_literals(mut self, literals: Vec<String>) -> Self {
        self.literals = literals;
        self
    }

    /// Names each column behind an alias and its dot, where two tables are in sight.
    pub(crate) fn qualified(mut self, qualifier: &'static str) -> Self {
        self.qualifier = qualifier;
        self
    }

    /// Appends text.
    pub(crate) fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    /// Appends the next parameter.
    pub(crate) fn param(&mut self, value: &'f Param<'q>) {
        if let Some(literal) = self.literals.get(self.params.len()) {
            self.sql.push_str(literal);
            self.params.push(value);
            return;
        }
        self.params.push(value);
        self.sql.push('$');
        self.sql.push_str(&self.params.len().to_string());
    }

    /// Appends a column's name.
    pub(crate) fn column(&mut self, name: &Name) {
        self.sql.push_str(self.qualifier);
        self.sql.push_str(&sql::text(|out| sql::name(out, 0, name)));
    }

    /// Appends a piece.
    pub(crate) fn fragment(&mut self, fragment: &'f Fragment<'q>) {
        for piece in &fragment.pieces {
            match piece {
                Piece::Text(text) => self.sql.push_str(text),
                Piece::Column(name) => self.column(name),
                Piece::Param(value) => self.param(&**value),
            }
        }
    }
}
