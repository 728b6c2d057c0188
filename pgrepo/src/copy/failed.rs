//! Why a load stores nothing.

use crate::error::{Error, ErrorKind};
use crate::pool::{Step, driver};
use crate::table::{FieldError, WriteRow};
use crate::value::ValueError;

use super::frame;
use super::kind::At;
use super::plan::How;

/// A load that stores nothing, and whether the session is at rest.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) at_rest: bool,
}

impl Failed {
    /// By the driver: before its COMMIT nothing of a load can take effect. `copied` is the table that the COPY goes into.
    pub(super) fn by(step: Step<'_>, error: sqlx::Error, at: At, how: &How, copied: &str) -> Self {
        let at_rest = driver::at_rest(&error);
        Self { error: at.advise(at_row(placed(step.failed(error), copied)), how), at_rest }
    }

    /// The same, amid a step, which is [told](Self::told) later.
    pub(super) fn amid(error: sqlx::Error, copied: &str) -> Self {
        let at_rest = driver::at_rest(&error);
        Self { error: at_row(placed(driver::error(error).undone(), copied)), at_rest }
    }

    /// Ends the step that it came amid, whoever's error it is: what failed may be worth to be run again.
    pub(super) fn told(self, step: Step<'_>) -> Self {
        Self { error: step.failed_by(self.error, self.at_rest), at_rest: self.at_rest }
    }

    /// By what was found on a connection that is at rest.
    pub(super) fn ours(error: Error) -> Self {
        Self { error, at_rest: true }
    }

    /// Whether the server refused with this SQLSTATE.
    pub(super) fn is_state(&self, state: &str) -> bool {
        self.error.sqlstate().is_some_and(|s| s.as_str() == state)
    }

    /// With the error told otherwise.
    pub(super) fn mapped(self, told: impl FnOnce(Error) -> Error) -> Self {
        Self { error: told(self.error), ..self }
    }
}

/// An error of the driver's as that of a load, with the column that the server names; and which of the COPY's rows it names.
pub(super) fn placed(error: Error, copied: &str) -> (Error, Option<u64>) {
    let error = error.naming();
    let place = error.server().and_then(|s| s.context()).and_then(|text| frame::place(text, copied));
    let place = place.map(|(row, column)| (row, column.map(str::to_owned)));
    let refused = error.server().is_some();
    let error = if refused && error.kind() == ErrorKind::Query { error.of_kind(ErrorKind::Copy) } else { error };
    match place {
        Some((row, Some(column))) => (error.at_column(column), Some(row)),
        Some((row, None)) => (error, Some(row)),
        None => (error, None),
    }
}

fn at_row((error, row): (Error, Option<u64>)) -> Error {
    match row {
        Some(row) => error.at_row(row),
        None => error,
    }
}

/// The error of a load whose connection is of no more use; its COMMIT was not sent.
pub(super) fn broken(error: Error) -> Error {
    let error = error.undone();
    if error.kind() != ErrorKind::Connection {
        return error;
    }
    error.saying("the connection broke before the load's end was sent, so nothing is stored")
}

/// A row that cannot be sent.
#[cold]
pub(super) fn unsendable(error: ValueError, row: u64) -> Error {
    Error::new(ErrorKind::Encode, "the row cannot be sent, so nothing is stored").at_row(row).caused_by(error)
}

/// A value of a row that cannot be sent.
#[cold]
pub(super) fn refused<R: WriteRow>(error: FieldError, row: u64) -> Error {
    let refused = Error::new(ErrorKind::Encode, "the value cannot be sent, so nothing is stored");
    let refused = refused.at_row(row).caused_by(error.error);
    match R::COLUMNS.get(error.index) {
        Some(meta) => refused.at_field(meta.spec.field).at_column(meta.spec.name),
        None => refused,
    }
}
