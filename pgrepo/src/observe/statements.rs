//! The statements of a database that tests count.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A statement that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) operation: &'static str,
    pub(crate) sql: Arc<str>,
}

/// The statements that were sent since somebody began to count.
#[derive(Debug, Default)]
pub(crate) struct Statements(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// How many count; while nobody does, nothing is kept.
    by: usize,
    kept: Vec<Recorded>,
}

impl Statements {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody counts.
    pub(crate) fn are_counted(&self) -> bool {
        self.lock().by > 0
    }

    /// A statement is sent.
    pub(crate) fn sent(&self, operation: &'static str, sql: Arc<str>) {
        let mut counted = self.lock();
        if counted.by > 0 {
            counted.kept.push(Recorded { operation, sql });
        }
    }

    /// Somebody begins to count; returns what is to be left out.
    pub(crate) fn begin(&self) -> usize {
        let mut counted = self.lock();
        counted.by += 1;
        counted.kept.len()
    }

    /// Those that were sent since then.
    pub(crate) fn since(&self, start: usize) -> Vec<Recorded> {
        self.lock().kept.get(start..).unwrap_or_default().to_vec()
    }

    /// Somebody counts no more.
    pub(crate) fn end(&self) {
        let mut counted = self.lock();
        counted.by -= 1;
        if counted.by == 0 {
            counted.kept.clear();
        }
    }
}
