//! How a COPY is opened and closed: as a transaction of its own, or under a savepoint.

use crate::error::Result;
use crate::pool::{Lease, driver};

pub(super) struct Bounds {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    pub(super) undo: &'static str,
}

impl Bounds {
    pub(super) fn of(lease: &Lease<'_>) -> Self {
        if lease.in_transaction() {
            Self {
                open: "SAVEPOINT pgrepo_copy",
                close: "RELEASE SAVEPOINT pgrepo_copy",
                undo: "ROLLBACK TO SAVEPOINT pgrepo_copy; RELEASE SAVEPOINT pgrepo_copy",
            }
        } else {
            Self { open: "BEGIN", close: "COMMIT", undo: "ROLLBACK" }
        }
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
