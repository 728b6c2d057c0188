//! Rejects that are written to their table before the first row is there that the load could begin with.

use crate::copy::bounds::Bounds;
use crate::copy::catalog;
use crate::copy::feed::settle;
use crate::copy::load::end;
use crate::error::{Error, FaultClass, Result};
use crate::pool::{Db, Lease, Lender, driver};
use crate::table::Place;
use crate::tx::TxId;

use super::drive::Tally;
use super::reject::Rejected;
use super::reject_table::RejectTable;
use super::run::undo;

/// What the load runs on, from before there is a connection.
pub(super) enum Lent<'t> {
    Not(Lender<'t>),
    Early(Early<'t>),
    /// It could not be.
    Over,
}

/// A connection, and whether the load's transaction is open on it.
pub(super) struct Early<'t> {
    pub(super) db: Option<&'t Db>,
    pub(super) lease: Lease<'t>,
    pub(super) bounds: Bounds,
    /// The process of the server's that the transaction runs in: behind a pooler it may be another one each time.
    backend: i32,
}

impl<'t> Lent<'t> {
    /// Takes a connection if there is none.
    async fn take(&mut self) -> Result<&mut Early<'t>> {
        if let Self::Not(_) = self
            && let Self::Not(lender) = std::mem::replace(self, Self::Over)
        {
            let db = lender.db();
            let lease = lender.lease().await?;
            let bounds = Bounds::of_write(&lease).checking_at_once();
            *self = Self::Early(Early { db, lease, bounds, backend: 0 });
        }
        if let Self::Early(Early { db: Some(db), lease: lease @ Lease::Over, .. }) = self {
            // The connection broke after a COMMIT that was found to be one.
            *lease = Lender::Db(db).lease().await?;
        }
        match self {
            Self::Early(early) => Ok(early),
            _ => Err(crate::pool::interrupted()),
        }
    }

    /// The connection, with the transaction open.
    pub(super) async fn open(&mut self) -> Result<&mut Early<'t>> {
        let early = self.take().await?;
        if !early.bounds.is_open() {
            early.lease.set_own_transaction(true);
            let mut step = early.lease.step()?.untimed();
            let sql = format!("{}; SELECT pg_catalog.pg_backend_pid()", early.bounds.open);
            let opened = driver::simple(step.session(), &sql).await;
            let rows = step.settle(opened)?;
            early.backend = rows.first().map_or(Ok(0), |row| catalog::number(row, 0))?;
            early.bounds.opened();
        }
        Ok(early)
    }

    /// The connection, for the load itself.
    pub(super) async fn early(mut self) -> Result<Early<'t>> {
        self.take().await?;
        match self {
            Self::Early(early) => Ok(early),
            _ => Err(crate::pool::interrupted()),
        }
    }

    /// Undoes what is open, after an error.
    pub(super) async fn undo(self, error: Error) -> Error {
        match self {
            Self::Early(Early { mut lease, bounds, .. }) if bounds.is_open() => undo(&bounds, &mut lease, error).await,
            _ => error,
        }
    }
}

impl Early<'_> {
    /// Writes rejects of a load into the table of this name.
    pub(super) async fn write<R>(
        &mut self,
        table: &mut RejectTable<R>,
        place: &Place,
        rejects: &[Rejected<R>],
    ) -> Result<()> {
        let mut step = self.lease.step()?.untimed();
        let made = table.make(step.session()).await;
        step.settle(made).map_err(|e| table.blame(e))?;
        let mut step = self.lease.step()?.untimed();
        let written = table.write(step.session(), self.backend, &place.name().to_string(), rejects).await;
        settle(step, written).map_err(|e| table.blame(e))
    }

    /// The number of the transaction, by which the server is asked about it where COMMIT is not answered.
    async fn number(&mut self) -> Result<TxId> {
        let mut step = self.lease.step()?;
        let asked = driver::simple(step.session(), "SELECT pg_catalog.pg_current_xact_id()").await;
        let rows = step.settle(asked)?;
        rows.first().map_or(Ok(String::new()), |row| catalog::text(row, 0))?.parse()
    }

    /// Commits what was written.
    pub(super) async fn commit(&mut self, tally: &mut Tally) -> Result<()> {
        let number = self.number().await?;
        self.bounds.closed();
        let ended = end(&self.bounds, &mut self.lease, self.db, Some(number)).await;
        ended.inspect_err(|error| tally.committed.unknown = error.fault_class() == FaultClass::Indeterminate)
    }
}
