use std::sync::Arc;
use std::time::{Duration, Instant};

/// Watches a statement, and warns in the log when it was slow, however it ended. Its values are not in the text.
pub(crate) struct Watch {
    limit: Duration,
    began: Instant,
    operation: &'static str,
    sql: Arc<str>,
}

impl Watch {
    /// Begins to watch, if anybody wants to know.
    pub(crate) fn begin(
        limit: Option<Duration>,
        operation: &'static str,
        sql: impl FnOnce() -> Arc<str>,
    ) -> Option<Self> {
        limit.map(|limit| Self { limit, began: Instant::now(), operation, sql: sql() })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        if took >= self.limit {
            tracing::warn!(operation = self.operation, ?took, limit = ?self.limit, sql = &*self.sql, "slow statement");
        }
    }
}
