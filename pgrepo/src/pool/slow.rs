use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;

use super::connect::Session;

/// Watches a statement from when it is sent, and tells how it went, however it ended: whoever counts statements, the log
/// where it was slow, and whoever listens to each. Its values are not in the text.
pub(crate) struct Watch {
    limit: Option<Duration>,
    began: Instant,
    operation: &'static str,
    sql: Arc<str>,
    /// Whether whoever listens to each is told its text.
    shown: bool,
}

impl Watch {
    /// Begins to watch, if anybody wants to know.
    pub(crate) fn begin<'s>(
        session: impl Into<Option<&'s Session>>,
        operation: &'static str,
        sql: impl FnOnce() -> Arc<str>,
    ) -> Option<Self> {
        let session = session.into()?;
        let limit = session.slow_statement;
        let about = &session.about;
        #[cfg(all(feature = "testkit", unix))]
        let counted = about.statements.are_counted();
        #[cfg(not(all(feature = "testkit", unix)))]
        let counted = false;
        if limit.is_none() && !counted && LevelFilter::current() < LevelFilter::DEBUG {
            return None;
        }
        let sql = sql();
        #[cfg(all(feature = "testkit", unix))]
        about.statements.sent(operation, Arc::clone(&sql));
        Some(Self { limit, began: Instant::now(), operation, sql, shown: about.shows_sql() })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let (took, operation, sql) = (self.began.elapsed(), self.operation, &*self.sql);
        if let Some(limit) = self.limit.filter(|limit| took >= *limit) {
            tracing::warn!(operation, ?took, ?limit, sql, "slow statement");
        }
        let sql = self.shown.then_some(sql);
        tracing::debug!(target: "pgrepo::statement", operation, ?took, db.query.text = sql, "statement");
    }
}
