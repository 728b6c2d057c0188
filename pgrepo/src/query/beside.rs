//! A value that a statement returns beside each row, as its last column.

use crate::driver_row;
use crate::error::{Error, ErrorKind, Result};
use crate::table::OwnedRow;
use crate::value::Decode;

use super::statement::Run;

/// The column's name, which no struct has.
pub(super) const NAME: &str = "\"pgrepo: beside\"";

impl Run<'_> {
    /// Reads each row and the value of the result's last column.
    pub(super) async fn each_beside<T: OwnedRow, X: for<'r> Decode<'r>>(
        &mut self,
        take: &mut (dyn FnMut(T, X) -> Result<()> + Send),
    ) -> Result<u64> {
        let operation = self.operation;
        let mut plan = self.plan()?;
        self.drive(&mut |row, index| {
            if index == 0 {
                plan.refreshed(row).map_err(|e| e.during(operation))?;
            }
            let last = driver_row::last::<X>(row).map_err(|e| {
                Error::new(ErrorKind::Decode, "the value beside the row cannot be read").at_row(index).caused_by(e)
            })?;
            take(plan.read::<T>(row, index)?, last)
        })
        .await
    }
}
