//! The bad lines of an upload: how many there are, and the first of them with their reasons.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pgrepo::{Rejected, RowError, SourceError};

use crate::airport::{NewAirport, Reject};
use crate::problem::chain;

/// The bytes of the words that tell a reject; a message may quote a value of any length.
const WORDS: usize = 300;

/// The bad lines so far.
pub(crate) struct Rejects {
    pub(crate) max: u64,
    most_told: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    count: u64,
    told: Vec<Reject>,
}

/// One more than there may be.
#[derive(Debug, thiserror::Error)]
#[error("too many lines are bad")]
pub(crate) struct TooMany;

impl Rejects {
    pub(crate) fn new(max: u64, most_told: usize) -> Arc<Self> {
        Arc::new(Self { max, most_told, seen: Mutex::default() })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, reject: Reject) -> Result<(), TooMany> {
        let mut seen = self.seen();
        seen.count += 1;
        if seen.told.len() < self.most_told {
            seen.told.push(reject);
        }
        if seen.count > self.max { Err(TooMany) } else { Ok(()) }
    }

    pub(crate) fn are_too_many(&self) -> bool {
        self.seen().count > self.max
    }

    /// The first ones, by their lines.
    pub(crate) fn told(&self) -> Vec<Reject> {
        let mut told = self.seen().told.clone();
        told.sort_by_key(|reject| reject.line);
        told
    }

    /// Counts a line that makes no row. It is kept until its batch is stored: without its text, which may be long.
    pub(crate) fn unmade(&self, error: SourceError) -> SourceError {
        let Some(row) = error.row() else { return error };
        let mut words = row.message().to_owned();
        if let Some(cause) = row.source() {
            words.push_str(": ");
            words.push_str(&chain(cause));
        }
        let (reason, field) = (cut(&words), row.field().map(cut));
        let reject = Reject { line: row.line(), field, constraint: None, sqlstate: None, reason };
        let short = RowError::new(reject.reason.clone());
        match self.add(reject) {
            Ok(()) => short.into(),
            Err(too_many) => SourceError::end(too_many),
        }
    }
}

/// What is told of a row that was not stored.
pub(crate) fn tell(reject: &Rejected<NewAirport>) -> Reject {
    Reject {
        line: reject.line(),
        field: reject.field().map(str::to_owned),
        constraint: reject.constraint().map(str::to_owned),
        sqlstate: reject.sqlstate().map(|state| state.as_str().to_owned()),
        reason: cut(&reject.message()),
    }
}

/// The beginning of words that may be long.
pub(crate) fn cut(words: &str) -> String {
    match words.char_indices().find(|(at, _)| *at >= WORDS) {
        Some((at, _)) => format!("{}…", words.get(..at).unwrap_or_default()),
        None => words.to_owned(),
    }
}
