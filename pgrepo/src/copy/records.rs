//! Rows of values whose types are known at run time only.

use std::pin::pin;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::Operation;
use crate::pool::Handle;
use crate::table::{Description, Made, TableName};
use crate::value::{TypeInfo, Value};

use super::catalog::Target;
use super::frame;
use super::load::{CHUNK, CopyReport, Load};
use super::plan::{How, Plan};

const OPERATION: &str = "copy_records";

/// Loads rows of dynamic values into columns that are named at run time.
pub(crate) async fn copy_records<H, R>(
    on: H,
    table: TableName<'_>,
    columns: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<CopyReport>
where
    H: Handle,
    R: AsRef<[Value]>,
{
    if let Some(problem) = table.problem() {
        return Err(Error::new(ErrorKind::Mismatch, problem).during(OPERATION));
    }
    let told = on.observe(OPERATION, table.into());
    let loaded = pin!(load(on, Target::new(table), columns, rows));
    told.watch(loaded).await.map_err(|e| e.during(OPERATION).on_table(table))
}

async fn load<H, R>(on: H, target: Target, columns: &[&str], rows: impl IntoIterator<Item = R>) -> Result<CopyReport>
where
    H: Handle,
    R: AsRef<[Value]>,
{
    if let Some(twice) = columns.iter().enumerate().find_map(|(i, c)| columns.iter().take(i).find(|o| *o == c)) {
        return Err(Error::new(ErrorKind::Mismatch, "the column is named twice").at_column(twice));
    }
    if columns.is_empty() {
        return Err(Error::new(ErrorKind::Mismatch, "no column is named"));
    }
    let names: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
    let plan = Plan {
        sql: target.copy_in(columns),
        target,
        table: None,
        operation: OPERATION,
        check: Box::new(move |table| fit(table, &names)),
        how: How::default(),
        job: None,
    };
    let (mut load, started) = Load::start(on, plan, Operation::none()).await?;
    let types = started.types;
    let mut buffer = frame::HEADER.to_vec();
    let mut count = 0;
    for row in rows {
        if let Err(error) = encode(row.as_ref(), columns, &types, &mut buffer) {
            // A connection that fails to undo the load undoes it by its end: the row's error is the one to tell.
            let _ended = load.abort().await;
            return Err(error.at_row(count));
        }
        count += 1;
        if buffer.len() >= CHUNK {
            buffer = load.send(buffer).await?;
        }
    }
    buffer.extend_from_slice(&frame::TRAILER);
    load.send(buffer).await?;
    load.finish(count, false).await
}

/// The columns' types; one that is not there, or that the server computes, is refused.
fn fit(table: &Description, names: &[String]) -> Result<Vec<TypeInfo>> {
    let column = |name: &String| {
        let refused = |message: String| Error::new(ErrorKind::Mismatch, message).at_column(name);
        let column = table.named(name).ok_or_else(|| refused(table.missing()))?;
        if column.made == Made::Generated {
            return Err(refused("the server computes this column".to_owned()));
        }
        Ok(column.ty.clone())
    };
    names.iter().map(column).collect()
}

fn encode(row: &[Value], columns: &[&str], types: &[TypeInfo], out: &mut Vec<u8>) -> Result<()> {
    if row.len() != columns.len() {
        let message = format!("the row has {} values and {} columns are named", row.len(), columns.len());
        return Err(Error::new(ErrorKind::Encode, message));
    }
    let count =
        u16::try_from(row.len()).map_err(|_| Error::new(ErrorKind::Mismatch, "a table has at most 1,600 columns"))?;
    let start = out.len();
    out.extend_from_slice(&count.to_be_bytes());
    for ((value, ty), column) in row.iter().zip(types).zip(columns) {
        value.encode_as(ty, out).map_err(|e| {
            Error::new(ErrorKind::Encode, "the value cannot be sent, so nothing is stored")
                .at_column(column)
                .caused_by(e)
        })?;
    }
    frame::row_length(out.len() - start)
        .map_err(|e| Error::new(ErrorKind::Encode, "the row cannot be sent, so nothing is stored").caused_by(e))
}
