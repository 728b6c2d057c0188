//! How a statement is run to its end: what becomes of its rows.

use sqlx::postgres::PgRow;

use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;
use crate::table::OwnedRow;

use super::run::Run;

impl Run<'_> {
    pub(crate) async fn count(mut self) -> Result<u64> {
        loop {
            match self.drive(&mut |_, _| Ok(())).await {
                Err(error) => self.again(error).await?,
                done => return done,
            }
        }
    }

    /// Hands each row over, once: what may be run again is not, from here.
    pub(crate) async fn each<T: OwnedRow>(&mut self, take: &mut (dyn FnMut(T) -> Result<()> + Send)) -> Result<u64> {
        let operation = self.operation;
        let mut plan = self.plan()?;
        self.drive(&mut |row, index| {
            if index == 0 {
                plan.refreshed(row).map_err(|e| e.during(operation))?;
            }
            take(plan.read::<T>(row, index)?)
        })
        .await
    }

    pub(crate) async fn all<T: OwnedRow>(mut self) -> Result<Vec<T>> {
        loop {
            let mut rows = Vec::new();
            let mut take = |row| {
                rows.push(row);
                Ok(())
            };
            match self.each::<T>(&mut take).await {
                Err(error) => self.again(error).await?,
                Ok(_) => return Ok(rows),
            }
        }
    }

    pub(crate) async fn one<T: OwnedRow>(self) -> Result<T> {
        let operation = self.operation;
        single(self.first().await?, operation)?.ok_or_else(|| no_row(operation))
    }

    pub(crate) async fn at_most_one<T: OwnedRow>(self) -> Result<Option<T>> {
        let operation = self.operation;
        single(self.first().await?, operation)
    }

    /// Reads the first row, and counts all.
    pub(super) async fn first<T: OwnedRow>(mut self) -> Result<(Option<T>, u64)> {
        loop {
            match self.first_once().await {
                Err(error) => self.again(error).await?,
                found => return found,
            }
        }
    }

    async fn first_once<T: OwnedRow>(&mut self) -> Result<(Option<T>, u64)> {
        let operation = self.operation;
        let mut plan = self.plan()?;
        let (mut first, mut count) = (None, 0);
        self.drive(&mut |row, index| {
            count = index + 1;
            if index == 0 {
                plan.refreshed(row).map_err(|e| e.during(operation))?;
                first = Some(plan.read::<T>(row, index)?);
            }
            Ok(())
        })
        .await?;
        Ok((first, count))
    }

    pub(crate) async fn rows(mut self) -> Result<Vec<Row>> {
        loop {
            let (mut rows, mut shape) = (Vec::new(), None);
            let mut take = |row: &PgRow, _| {
                rows.push(Row::read(row, &mut shape));
                Ok(())
            };
            match self.drive(&mut take).await {
                Err(error) => self.again(error).await?,
                Ok(_) => return Ok(rows),
            }
        }
    }
}

/// Refuses more than one row.
fn single<T>((found, count): (Option<T>, u64), operation: &'static str) -> Result<Option<T>> {
    if count > 1 {
        let message = format!("a single row was asked for and the result has {count}");
        return Err(Error::new(ErrorKind::ManyRows, message).during(operation));
    }
    Ok(found)
}

pub(crate) fn no_row(operation: &'static str) -> Error {
    Error::new(ErrorKind::NoRow, "exactly one row was asked for and the result has none").during(operation)
}
