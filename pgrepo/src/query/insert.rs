//! Inserts of one row.

use crate::error::Result;
use crate::pool::Handle;
use crate::table::{OwnedRow, PgTable, Place, WriteRow};

use super::written::Written;
use super::{Text, open};

/// Inserts a row and returns it as it is then; where a row is in conflict that may be none.
pub(crate) async fn insert<H, T, R>(
    on: H,
    place: &Place,
    operation: &'static str,
    row: &R,
    end: &str,
) -> Result<Option<T>>
where
    H: Handle,
    T: PgTable + OwnedRow,
    R: WriteRow<Table = T> + Sync,
{
    let written = Written::new(row, |spec| !spec.identity)?;
    let mut text = Text::new(into(place, &written, ""));
    text.push(end);
    text.returning(T::SPECS);
    open(on, operation, &text.sql, &written, Some(T::FIELDS)).await?.at_most_one().await
}

/// `INSERT INTO … (…) VALUES ($1, …)`; what the row leaves to the server is left out, which means its default.
pub(super) fn into<R: WriteRow>(place: &Place, written: &Written<'_, R>, overriding: &str) -> String {
    let mut text = Text::new(format!("INSERT INTO {}", place.quoted()));
    if written.columns().next().is_none() {
        text.push(" DEFAULT VALUES");
        return text.sql;
    }
    text.push(" (");
    text.names(written.columns().map(|(spec, _)| &spec.name));
    text.push(")");
    text.push(overriding);
    text.push(" VALUES (");
    for (_, number) in written.columns() {
        text.push(if number == 1 { "$" } else { ", $" });
        text.push(&number.to_string());
    }
    text.push(")");
    text.sql
}
