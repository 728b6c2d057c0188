//! What a load can go into, and what it says of the rest before the first byte.
//!
//! COPY itself looks at the kind of its target only when it is given rows, which the client learns at the end of the data.

use sqlx::postgres::{PgDatabaseError, PgRow};
use sqlx::{Row, ValueRef};

use crate::error::{Error, ErrorKind, Result};

use super::plan::How;

/// What is said of a table with row-level security.
const SECURED: &str = "row-level security applies to this role, and the server takes no COPY under it: write the rows by \
                       INSERT, as `insert_many` does, or load as a role that it does not apply to (the table's owner, \
                       unless it is forced, or one with BYPASSRLS)";

/// Whether a load was refused for row-level security, before its first byte.
pub(crate) fn is_secured(error: &Error) -> bool {
    error.kind() == ErrorKind::Mismatch && error.says(SECURED)
}

/// What a load's target is, as far as every load has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A table, partitioned or not.
    Table,
    /// A table with row-level security, to which the role is subject.
    Secured,
    /// A view, or a foreign table.
    Other,
}

impl Kind {
    /// The expression that tells it: functions that look into the server's caches, since every load pays for them. `table` is
    /// its name as a literal.
    pub(super) fn sql(table: &str) -> String {
        format!(
            "CASE WHEN pg_catalog.row_security_active({table}::pg_catalog.regclass) THEN 's' \
             WHEN pg_catalog.pg_relation_filenode({table}::pg_catalog.regclass) IS NULL \
             AND pg_catalog.pg_get_partkeydef({table}::pg_catalog.regclass) IS NULL THEN 'o' ELSE 't' END"
        )
    }

    pub(super) fn read(text: &str) -> Self {
        match text {
            "s" => Self::Secured,
            "o" => Self::Other,
            _ => Self::Table,
        }
    }

    /// Whether it takes rows by COPY as far as is known; that it does not is an error.
    pub(super) fn takes_rows(self) -> Result<bool> {
        match self {
            Self::Table => Ok(true),
            Self::Other => Ok(false),
            Self::Secured => Err(Error::new(ErrorKind::Mismatch, SECURED)),
        }
    }
}

/// The bits of `pg_trigger.tgtype` for FOR EACH ROW, INSERT and INSTEAD OF.
pub(super) const INSTEAD_OF_INSERT: i16 = 1 | 4 | 64;

/// Reads whether a view has a trigger that writes its rows; that it has none is an error.
pub(super) fn written_by_trigger(rows: &[PgRow]) -> Result<()> {
    let has = rows.first().and_then(|row| row.try_get_raw(0).ok()).filter(|value| !value.is_null());
    if has.and_then(|value| value.as_str().ok()) == Some("t") {
        return Ok(());
    }
    let message = "a view takes no COPY, unless it has an INSTEAD OF INSERT trigger for each row: load its table, or write \
                   the rows by INSERT, which a simple view takes";
    Err(Error::new(ErrorKind::Mismatch, message))
}

/// What LOCK TABLE refused, by its `pg_class.relkind`.
pub(super) fn no_table(kind: &str) -> Error {
    let message = match kind {
        "m" => "a materialized view takes no rows: load what it is made of, then REFRESH MATERIALIZED VIEW",
        "S" => "a sequence takes no rows: setval changes its number",
        "i" | "I" => "an index takes no rows: load its table",
        "c" => "a composite type takes no rows: create a table of it",
        _ => "this takes no rows: it is no table",
    };
    Error::new(ErrorKind::Mismatch, message)
}

/// Whether a statement was refused since what it names is of the wrong kind.
pub(super) fn is_no_table(error: &sqlx::Error) -> bool {
    code(error) == Some("42809")
}

/// The SQLSTATE of the server's.
pub(super) fn code(error: &sqlx::Error) -> Option<&str> {
    match error {
        sqlx::Error::Database(error) => error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code),
        _ => None,
    }
}

/// What is said where a privilege for a merge is lacking.
pub(super) const MERGE_PRIVILEGES: &str = "the role lacks a privilege: a merge takes SELECT, INSERT and UPDATE on the table, \
                                           update_many SELECT and UPDATE, and delete_many SELECT, UPDATE and DELETE";

/// What a load was doing when the server refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// It locked the table.
    Lock,
    /// It locked the table that rows are to be merged into.
    LockToMerge,
    /// It emptied the table.
    Truncate,
    /// It read the filter, or began the COPY, or sent its data.
    Copy,
}

impl At {
    /// The next step for whoever meets a refusal, where there is one to name.
    pub(super) fn advise(self, error: Error, how: &How) -> Error {
        let Some(state) = error.sqlstate() else { return error };
        let advice = match (self, state.as_str()) {
            (Self::Lock, "42501") => {
                "the role lacks a privilege: a load takes INSERT on the table, and with CopyInOptions::truncate TRUNCATE"
            }
            (Self::LockToMerge, "42501") => MERGE_PRIVILEGES,
            // Of a row it is a trigger that may not do something.
            (Self::Copy, "42501") if how.condition.is_some() && error.row().is_none() => {
                "the role lacks a privilege: a filter takes SELECT on the columns that it names"
            }
            (Self::Truncate, "42501") => {
                "the role lacks a privilege: CopyInOptions::truncate takes TRUNCATE on the table"
            }
            (_, "25006") => {
                "nothing can be stored: the transaction is read only, or the server is a standby; load on the primary, in \
                 a transaction that may write"
            }
            (Self::Lock | Self::LockToMerge, "0A000") => "the foreign table takes no rows: its wrapper only reads",
            // A wrapper that cannot says so itself.
            (Self::Truncate, "42809") => {
                "a foreign table can be emptied from PostgreSQL 14 on only: delete its rows instead, in the transaction that \
                 the load runs in"
            }
            (Self::Truncate, "0A000") => {
                "the table cannot be truncated while another one's foreign key refers to it: delete its rows instead, in \
                 the transaction that the load runs in"
            }
            (Self::Copy, "55000") if how.freeze => {
                "rows are stored frozen only in a table that was created or truncated in the load's own transaction, or in \
                 its own savepoint: add CopyInOptions::truncate"
            }
            (Self::Copy, "25000") if how.freeze => {
                "rows are stored frozen only where no cursor of the transaction is open and no snapshot is held"
            }
            _ => return error,
        };
        error.saying(advice)
    }
}
