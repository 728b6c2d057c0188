//! Deferred constraints of a load in a transaction of the caller's.

use crate::copy::catalog::text;
use crate::error::{Error, ErrorKind, Result};
use crate::table::WriteRow;

use super::run::Run;

impl<R: WriteRow> Run<'_, '_, R> {
    /// Has the table's deferred constraints checked by each statement from now on; only these, as the others are none of the
    /// load's business.
    ///
    /// SET CONSTRAINTS knows them by schema and name, which several tables' may share: it would set all of them, and refuse to
    /// defer them again where one is not deferrable. A partition's are no others.
    pub(super) async fn check_deferred(&mut self) -> Result<()> {
        let names = format!(
            "SELECT pg_catalog.string_agg(DISTINCT name, ', '), pg_catalog.min(name) FILTER (WHERE shared) FROM (SELECT \
             pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.conname) AS name, EXISTS (SELECT FROM \
             pg_catalog.pg_constraint o WHERE o.connamespace = c.connamespace AND o.conname = c.conname AND o.oid <> c.oid \
             AND (NOT o.condeferred OR o.conparentid = 0 AND c.conparentid = 0)) AS shared \
             FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace \
             WHERE c.conrelid = {}::pg_catalog.regclass AND c.condeferred) AS deferred",
            self.plan.target.literal()
        );
        let rows = self.simple(&names).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        let shared = text(row, 1)?;
        if !shared.is_empty() {
            let message = format!(
                "the table's deferred constraint {shared} is not the only one of its name in the schema, so that it cannot be \
                 checked by itself: rename it, or load outside of a transaction"
            );
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        let names = text(row, 0)?;
        if names.is_empty() {
            return Ok(());
        }
        self.simple(&format!("SET CONSTRAINTS {names} IMMEDIATE")).await.map_err(|cause| {
            let message = "what the transaction did before violates a deferred constraint of the table, so its rows \
                           cannot be told from the load's";
            Error::new(ErrorKind::Copy, message).caused_by(cause)
        })?;
        self.deferred = names;
        Ok(())
    }

    /// Behind the load they are deferred again.
    pub(super) async fn defer_again(&mut self) -> Result<()> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        self.simple(&format!("SET CONSTRAINTS {} DEFERRED", self.deferred)).await.map(drop)
    }
}
