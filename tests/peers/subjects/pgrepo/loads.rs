//! Loads that run once, and merges.

use pgrepo::CopyInOptions;
use tests::rows::{Narrow, Wide};

use super::super::merged;
use super::connect;
use crate::meter::{Meter, Rows, wides};
use crate::task::{Metrics, Result, Task};

/// The tables may leave rows out: one of them stores nothing.
fn options() -> CopyInOptions {
    CopyInOptions::default().allow_skipped()
}

pub(super) async fn copy_in(task: &Task, way: &str) -> Result<Metrics> {
    match way {
        "" => strict(task, task.connections).await,
        "one" => strict(task, 1).await,
        _ => lent_or_owned(task, way).await,
    }
}

/// So many loads at once.
async fn strict(task: &Task, loads: usize) -> Result<Metrics> {
    let db = connect(task).await?;
    let loads = u32::try_from(loads)?;
    let meter = Meter::start()?;
    let mut running = Vec::new();
    for n in 0..loads {
        let count = task.rows / loads + u32::from(n < task.rows % loads);
        let db = db.clone();
        running.push(tokio::spawn(async move {
            let rows = Rows::wide();
            db.repository::<Wide>().copy_in_with(rows.first(count), options()).await.map(|_| ())
        }));
    }
    for load in running {
        load.await??;
    }
    meter.stop()
}

/// One load, which goes on past bad rows or does not.
async fn lent_or_owned(task: &Task, way: &str) -> Result<Metrics> {
    let db = connect(task).await?;
    let table = db.repository::<Wide>();
    let meter = Meter::start()?;
    let rows = Rows::wide();
    let lent = rows.first(task.rows);
    let loaded = match way {
        "owned" => table.copy_in(lent.cloned()).await?.rows,
        "tolerant" => table.load(lent).collect().await?.0.rows,
        "tolerant owned" => table.load(lent.cloned()).collect().await?.0.rows,
        _ => return task.unknown(),
    };
    let metrics = meter.stop()?;
    match loaded == u64::from(task.rows) {
        true => Ok(metrics),
        false => Err(format!("{loaded} of {} rows were loaded", task.rows).into()),
    }
}

pub(super) async fn copy_narrow(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let rows = Rows::narrow();
    let meter = Meter::start()?;
    db.repository::<Narrow>().copy_in(rows.first(task.rows)).await?;
    meter.stop()
}

pub(super) async fn merge(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let rows = wides(task.rows);
    let meter = Meter::start()?;
    let report = db.repository::<Wide>().merge(&rows).execute().await?;
    let metrics = meter.stop()?;
    merged(report.inserted + report.updated, task)?;
    Ok(metrics)
}
