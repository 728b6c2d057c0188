//! How a COPY is opened and closed: as a transaction of its own, or under a savepoint.

use std::borrow::Cow;

use crate::error::Result;
use crate::pool::{Lease, driver};

const NO_NUMBER: &str = "NULL";

pub(super) struct Bounds {
    /// Whether it is a transaction of its own.
    pub(super) own: bool,
    pub(super) open: &'static str,
    pub(super) close: Cow<'static, str>,
    pub(super) undo: &'static str,
    /// The expression that gives the transaction's number, where its outcome may have to be asked.
    pub(super) number: &'static str,
    /// What has opened them, where that was done before `open`, which is but a savepoint then.
    before: Option<&'static str>,
}

impl Bounds {
    pub(super) fn of(lease: &Lease<'_>) -> Self {
        if lease.in_transaction() {
            Self {
                own: false,
                open: "SAVEPOINT pgrepo_copy",
                close: "RELEASE SAVEPOINT pgrepo_copy".into(),
                undo: "ROLLBACK TO SAVEPOINT pgrepo_copy; RELEASE SAVEPOINT pgrepo_copy",
                number: NO_NUMBER,
                before: None,
            }
        } else {
            Self { own: true, open: "BEGIN", close: "COMMIT".into(), undo: "ROLLBACK", number: NO_NUMBER, before: None }
        }
    }

    /// Those of a COPY that reads what any statement gives: one that writes is refused, since it may be run again.
    pub(super) fn of_read(lease: &Lease<'_>) -> Self {
        let bounds = Self::of(lease);
        let open = if bounds.own { "BEGIN READ ONLY" } else { bounds.open };
        Self { open, ..bounds }
    }

    /// Those of a COPY that writes: its COMMIT may not be answered.
    pub(super) fn of_write(lease: &Lease<'_>) -> Self {
        let bounds = Self::of(lease);
        let number = if bounds.own { "pg_catalog.pg_current_xact_id()" } else { NO_NUMBER };
        Self { number, ..bounds }
    }

    /// Has the server say again what it said before, when it is closed: a savepoint's settings are undone with it, and kept
    /// when it is released.
    pub(super) fn say_again(&mut self, level: &str) {
        if !self.own && !level.is_empty() {
            self.close.to_mut().push_str(&format!("; SET LOCAL client_min_messages TO {level}"));
        }
    }

    /// They were opened before the table is looked at.
    pub(super) fn opened(&mut self) {
        self.before = Some(std::mem::replace(&mut self.open, "SAVEPOINT pgrepo_open"));
    }

    /// What was opened so is closed again.
    pub(super) fn closed(&mut self) {
        self.open = self.before.take().unwrap_or(self.open);
    }

    pub(super) fn is_open(&self) -> bool {
        self.before.is_some()
    }

    /// The same, with all deferred constraints checked by each statement where the transaction is its own.
    pub(super) fn checking_at_once(self) -> Self {
        if self.own { Self { open: "BEGIN; SET CONSTRAINTS ALL IMMEDIATE", ..self } } else { self }
    }

    /// Runs `close` or `undo`.
    pub(super) async fn run(&self, lease: &mut Lease<'_>, sql: &str) -> Result<()> {
        let mut step = lease.step()?;
        let ran = driver::simple(step.session(), sql).await;
        step.settle(ran)?;
        lease.set_own_transaction(false);
        Ok(())
    }
}
