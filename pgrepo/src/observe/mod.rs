//! What listeners are told of operations: spans by tracing, figures by the facade `metrics`. Nothing is decided here, and
//! no value of a row or a parameter comes here.

mod about;
#[cfg(feature = "metrics")]
mod figures;
#[cfg(not(feature = "metrics"))]
#[path = "figures/none.rs"]
mod figures;
mod operation;
#[cfg(all(feature = "testkit", unix))]
mod statements;

pub(crate) use about::About;
#[cfg(feature = "metrics")]
pub(crate) use figures::names;
pub(crate) use operation::{Copied, Direction, Operation, Status, Subject, attempts, copied, rows, text};
#[cfg(all(feature = "testkit", unix))]
pub(crate) use statements::{Recorded, Statements};

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, SqlClass};

/// What an error is called: the SQLSTATE, or else the kind. A state of a class that PostgreSQL does not have is the
/// program's own, and there may be any number of them.
pub(crate) fn error_type(error: &Error) -> Cow<'static, str> {
    match error.sqlstate() {
        Some(state) if state.class() == SqlClass::Other => Cow::Borrowed("other_sqlstate"),
        Some(state) => Cow::Owned(state.as_str().to_owned()),
        None => Cow::Borrowed(kind(error.kind())),
    }
}

fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "config",
        ErrorKind::Connection => "connection",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Overload => "overload",
        ErrorKind::Query => "query",
        ErrorKind::Transaction => "transaction",
        ErrorKind::Copy => "copy",
        ErrorKind::Encode => "encode",
        ErrorKind::Decode => "decode",
        ErrorKind::Mismatch => "mismatch",
        ErrorKind::NoRow => "no_row",
        ErrorKind::ManyRows => "many_rows",
        ErrorKind::Token => "token",
        ErrorKind::Conflict => "conflict",
        ErrorKind::CircuitOpen => "circuit_open",
        ErrorKind::Io => "io",
    }
}
