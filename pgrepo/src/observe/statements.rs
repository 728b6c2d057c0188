//! The statements of a database that tests count.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A statement that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) operation: &'static str,
    pub(crate) sql: Arc<str>,
}

/// The statements that were sent since somebody began to count.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    /// How many count; while nobody does, nothing is kept. It changes under the lock.
    by: AtomicUsize,
    kept: Mutex<Vec<Recorded>>,
}

impl Statements {
    fn kept(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody counts.
    pub(crate) fn are_counted(&self) -> bool {
        self.by.load(Ordering::Acquire) > 0
    }

    /// A statement is sent.
    pub(crate) fn sent(&self, operation: &'static str, sql: Arc<str>) {
        let mut kept = self.kept();
        if self.are_counted() {
            kept.push(Recorded { operation, sql });
        }
    }

    /// Somebody begins to count; returns how many are to be left out.
    pub(crate) fn begin(&self) -> usize {
        let kept = self.kept();
        self.by.fetch_add(1, Ordering::AcqRel);
        kept.len()
    }

    /// Those that were sent since then.
    pub(crate) fn since(&self, start: usize) -> Vec<Recorded> {
        self.kept().get(start..).unwrap_or_default().to_vec()
    }

    /// Somebody counts no more.
    pub(crate) fn end(&self) {
        let mut kept = self.kept();
        if self.by.fetch_sub(1, Ordering::AcqRel) == 1 {
            kept.clear();
        }
    }
}
