use crate::error::{Error, ErrorKind};

/// Whether a transaction's failure may pass, so that its closure is worth another run: what failed last on its
/// connection, seen by the connection itself, whatever the closure makes of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing failed, or nothing that would not fail again.
    None,
    /// This did, and nothing was begun since.
    Last(Passing),
    /// This did, and something was begun since: if that succeeds, the closure has found another way.
    Before(Passing),
}

/// What may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passing {
    /// Whether it was another transaction that stood in the way, and neither network nor server.
    pub(crate) conflict: bool,
}

impl Passing {
    /// `None` where another run would not help, or must not be.
    ///
    /// Where a deadline of ours has passed the operation has had its time, and where the breaker rejects it another
    /// attempt would be rejected as well.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        let ours = error.server().is_none() && matches!(error.kind(), ErrorKind::CircuitOpen | ErrorKind::Timeout);
        (!ours && error.is_retryable()).then_some(Self { conflict: error.is_contention() })
    }
}

impl Trouble {
    /// An operation failed.
    pub(super) fn failed(&mut self, error: &Error) {
        let aborted = error.sqlstate().is_some_and(|state| state.as_str() == "25P02");
        *self = match (Passing::of(error), *self) {
            (Some(passing), _) => Self::Last(passing),
            // It only follows from what failed before.
            (None, Self::Last(passing) | Self::Before(passing)) if aborted => Self::Last(passing),
            (None, _) => Self::None,
        };
    }

    /// An operation is about to begin.
    pub(super) fn next(&mut self) {
        if let Self::Last(passing) = *self {
            *self = Self::Before(passing);
        }
    }

    /// An operation succeeded, or a part of one that ended what had failed in it.
    pub(super) fn succeeded(&mut self) {
        if matches!(self, Self::Before(_)) {
            *self = Self::None;
        }
    }

    /// What a failure of the whole is owed to.
    pub(super) fn passing(self) -> Option<Passing> {
        match self {
            Self::Last(passing) | Self::Before(passing) => Some(passing),
            Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{FaultClass, ServerError, ServerFields, SqlState};

    fn refused(state: &str) -> Error {
        let fields = ServerFields { state: SqlState::new(state), ..ServerFields::default() };
        Error::new(ErrorKind::Query, "the server refused").caused_by(ServerError(Box::new(fields)))
    }

    fn after(states: &[&str]) -> Option<Passing> {
        let mut trouble = Trouble::None;
        for state in states {
            trouble.next();
            if *state == "ok" { trouble.succeeded() } else { trouble.failed(&refused(state)) }
        }
        trouble.passing()
    }

    #[test]
    fn what_failed_last_decides() {
        let conflict = Some(Passing { conflict: true });
        assert_eq!(after(&["40001"]), conflict);
        assert_eq!(after(&["55P03"]), Some(Passing { conflict: false }));
        assert_eq!(after(&["40001", "25P02", "25P02"]), conflict, "the rest only follows from it");
        assert_eq!(after(&["40001", "ok"]), None, "the closure went on without it");
        assert_eq!(after(&["40001", "23505"]), None);
        assert_eq!(after(&["23505", "25P02"]), None);
        assert_eq!(after(&["ok", "40P01"]), conflict);
        assert_eq!(after(&[]), None);
    }

    #[test]
    fn what_undoes_a_failed_part_is_no_success() {
        let mut trouble = Trouble::None;
        trouble.next();
        trouble.failed(&refused("40001"));
        trouble.succeeded();
        assert!(trouble.passing().is_some(), "ROLLBACK TO succeeded, and the failure goes on");
    }

    #[test]
    fn what_has_had_its_time_is_not_tried_again() {
        let late = Error::new(ErrorKind::Timeout, "no connection in time").of_fault(FaultClass::Overload);
        assert_eq!(Passing::of(&late), None);
        let open = Error::new(ErrorKind::CircuitOpen, "the breaker is open").of_fault(FaultClass::NotSent);
        assert_eq!(Passing::of(&open), None);
        let broken = Error::new(ErrorKind::Connection, "the connection broke").undone();
        assert_eq!(Passing::of(&broken), Some(Passing { conflict: false }));
    }
}
