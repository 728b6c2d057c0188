//! A merge from its first row to its report.

use std::pin::pin;

use futures_core::Stream;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::driver_row::Places;
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::query::{misfit, unreadable};
use crate::table::{Name, OwnedRow, Place, WriteRow};

use super::super::load::CopyReport;
use super::super::progress::Following;
use super::job::Take;
use super::stage::Stage;
use super::{MergeReport, Merged, Task};

/// Merges rows, and returns each as it is stored; `None` for those that are not there.
pub(super) async fn fetch_all<H, S, R, E>(on: H, rows: S, task: Task) -> Result<Vec<Option<Merged<R::Table>>>, E>
where
    H: Handle,
    S: Stream<Item = Result<R, E>>,
    R: WriteRow,
    R::Table: OwnedRow,
    E: From<Error>,
{
    let (send, mut receive) = mpsc::unbounded_channel();
    run(on, rows, task, Some(take::<R::Table>(send))).await?;
    let mut merged = Vec::with_capacity(receive.len());
    while let Ok((_, row)) = receive.try_recv() {
        merged.push(row);
    }
    Ok(merged)
}

/// A row that was read, with its number; `None` where there is none.
pub(crate) type Read<T> = (u64, Option<Merged<T>>);

/// Decodes each row, before the merge is committed.
pub(crate) fn take<'s, T: OwnedRow + 's>(rows: mpsc::UnboundedSender<Read<T>>) -> Box<Take<'s>> {
    let mut found: Option<Places> = None;
    Box::new(move |row, index, outcome| {
        let places = match &mut found {
            Some(places) => places,
            none => none.insert(Places::of(sqlx::Row::columns(row), &T::FIELDS).map_err(misfit)?),
        };
        let merged = match outcome {
            Some(outcome) => {
                let row = T::from_row(&mut places.cells(row));
                let row = row.map_err(|e| unreadable(T::FIELDS, places.ty(e.index), e, index))?;
                Some(Merged { row, outcome })
            }
            None => None,
        };
        // Nobody waits for it any more where the merge was dropped.
        let _dropped = rows.send((index, merged));
        Ok(())
    })
}

/// Merges rows, each of which is read back if somebody takes it. The source's own error ends the merge, and is returned as
/// it is.
pub(super) async fn run<'s, H, S, R, E>(
    on: H,
    rows: S,
    task: Task,
    read: Option<Box<Take<'s>>>,
) -> Result<MergeReport, E>
where
    H: Handle + 's,
    S: Stream<Item = Result<R, E>>,
    R: WriteRow,
    E: From<Error>,
{
    let (place, operation, key) = (Place::of::<R::Table>(on.schema()), task.operation, task.key.clone());
    let told = |error: Error| E::from(place.blame(of_row::<R>(error, &key).during(operation)));
    let mut rows = pin!(rows);
    let following = Following::of(task.progress.as_ref(), None);
    let Some(first) = rows.next().await else {
        following.stored(&CopyReport::default());
        return Ok(MergeReport::default());
    };
    let mut row = first?;
    let mut stage = Stage::open(on, &place, task, &row, following, read).await.map_err(&told)?;
    loop {
        if let Err(error) = stage.encode(&row) {
            // A connection that fails to undo the load undoes it by its end: the row's error is the one to tell.
            let _ended = stage.abort_by(&error).await;
            return Err(told(error));
        }
        if stage.is_full() {
            stage = stage.flush().await.map_err(&told)?;
        }
        row = match rows.next().await {
            Some(Ok(row)) => row,
            Some(Err(error)) => {
                // The same of the source's.
                let _ended = stage.abort_otherwise().await;
                return Err(error);
            }
            None => return stage.finish().await.map_err(&told),
        };
    }
}

/// Names the field of a row that the server refused as it came: its word is of a table that nobody else knows.
pub(crate) fn of_row<R: WriteRow>(error: Error, key: &[Name]) -> Error {
    let meta = R::COLUMNS.iter().find(|m| error.column().is_some_and(|column| m.spec.name == *column));
    let Some(meta) = meta.filter(|_| error.row().is_some()) else { return error };
    let error = error.at_field(meta.spec.field).at_column(meta.spec.name);
    match error.sqlstate().is_some_and(|state| state.as_str() == "23502") && key.contains(&meta.spec.name) {
        true => error.saying("the row has NULL where it is to be found by, so nothing is stored"),
        false => error,
    }
}
