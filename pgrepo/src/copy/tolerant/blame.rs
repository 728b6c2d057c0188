//! Which of the server's refusals are a row's, and of which row.

use crate::error::{Error, SqlClass};

/// Whether the server refused a row, as opposed to the load: only then it may store the others.
///
/// By SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>): values (22), constraints (23), the
/// condition of a view (44), limits of size (54), and what the code of a trigger, a domain or a default raises (20, 21, 27,
/// 38, P0, and classes that are none of PostgreSQL's). Not: a sequence that has no numbers left (2200H) and data that is no
/// COPY (22P04), which the next row would not be spared; locks, deadlocks, cancellation, privileges, missing names, full
/// disks and whatever else is of the server or the table. A policy that refuses a row has the code of a lacking privilege.
pub(super) fn is_of_a_row(error: &Error) -> bool {
    let Some(server) = error.server() else { return false };
    if server.is_of_policy() {
        return true;
    }
    let state = server.sqlstate();
    match state.class() {
        SqlClass::Data => !matches!(state.as_str(), "2200H" | "22P04"),
        SqlClass::IntegrityConstraint
        | SqlClass::WithCheckOption
        | SqlClass::ProgramLimit
        | SqlClass::CaseNotFound
        | SqlClass::Cardinality
        | SqlClass::TriggeredDataChange
        | SqlClass::ExternalRoutine
        | SqlClass::PlPgSql
        | SqlClass::Other => true,
        _ => false,
    }
}

/// How far the line of a COPY that the server named is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// The row is the one, whatever the others are: its own values were looked at.
    Sure,
    /// The row is the one if those before it are stored.
    Likely,
    /// The server stores rows by the thousand, and names the last one that it has read.
    None,
}

pub(super) fn line(error: &Error) -> Line {
    // What the server did not refuse could not be encoded.
    let Some(server) = error.server() else { return Line::Sure };
    let state = server.sqlstate();
    // What a function did before it raised this is not known: it may depend on other rows, whatever its SQLSTATE.
    let by_a_function = server.context().is_some_and(|context| !context.starts_with("COPY "));
    match (state.as_str(), state.class()) {
        (_, SqlClass::ProgramLimit) => Line::None,
        ("23502", _) if !by_a_function && server.column().is_some() => Line::Sure,
        ("23514", _) if !by_a_function && server.constraint().is_some() => Line::Sure,
        // With a column that the COPY names, and not the code of a trigger, it was the value's own conversion that failed.
        (_, SqlClass::Data) if error.column().is_some() && server.column().is_none() => Line::Sure,
        _ => Line::Likely,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, ServerError, ServerFields, SqlState};

    fn refusal(state: &str) -> Error {
        refusal_of(ServerFields { state: SqlState::new(state), ..ServerFields::default() })
    }

    fn refusal_of(fields: ServerFields) -> Error {
        Error::new(ErrorKind::Copy, "refused").caused_by(ServerError(Box::new(fields)))
    }

    #[test]
    fn a_refusal_is_a_row_s_or_the_load_s() {
        for state in
            ["22003", "22P02", "22P05", "23502", "23503", "23505", "23514", "23P01", "44000", "54000", "P0001", "45000"]
        {
            assert!(is_of_a_row(&refusal(state)), "{state}");
        }
        for state in [
            "2200H", "22P04", "25006", "25P02", "40001", "40P01", "42501", "42P01", "53100", "55P03", "57014", "57P01",
            "58030", "XX000",
        ] {
            assert!(!is_of_a_row(&refusal(state)), "{state}");
        }
        assert!(!is_of_a_row(&Error::new(ErrorKind::Connection, "the connection broke")));
    }

    #[test]
    fn a_line_is_believed_as_far_as_it_says_something() {
        let named = |state: &str, context: &str| ServerFields {
            state: SqlState::new(state),
            context: Some(context.to_owned()),
            column: Some("x".to_owned()),
            constraint: Some("y".to_owned()),
            ..ServerFields::default()
        };
        for state in ["23502", "23514"] {
            assert_eq!(line(&refusal_of(named(state, "COPY t, line 2"))), Line::Sure);
            // As RAISE … USING ERRCODE does it.
            assert_eq!(line(&refusal(state)), Line::Likely);
            assert_eq!(line(&refusal_of(named(state, "PL/pgSQL function f() line 1\nCOPY t, line 2"))), Line::Likely);
        }
        assert_eq!(line(&refusal("22P02").at_column("x")), Line::Sure);
        assert_eq!(line(&refusal_of(named("22P02", "COPY t, line 2"))), Line::Likely);
        assert_eq!(line(&refusal("22012")), Line::Likely);
        assert_eq!(line(&refusal("23505")), Line::Likely);
        assert_eq!(line(&refusal("54000")), Line::None);
    }
}
