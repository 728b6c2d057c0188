//! Statements that are sent before the answers to those before them are there.

use std::hint::black_box;
use std::sync::Arc;

use futures_util::future::{try_join_all, try_join3};
use futures_util::{StreamExt, TryStreamExt, stream};
use tests::rows::Wide;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Client, Statement};

use super::{connect, wide};
use crate::meter::{Latencies, pick, wides};
use crate::subjects::{AMOUNT, INSERT, TRANSFER, accounts, together};
use crate::task::{Metrics, Result, Task};

/// How many inserts are in flight at once.
const IN_FLIGHT: usize = 256;

/// A load is one transaction, as it is in the other ways: so it is written to the disk once, and not for each row.
pub(super) async fn insert(task: &Task) -> Result<Metrics> {
    let mut client = connect(task).await?;
    let statement = client.prepare(INSERT).await?;
    let rows = wides(task.rows);
    let mut latencies = Latencies::of(task)?;
    while latencies.next().is_some() {
        let transaction = client.transaction().await?;
        let one = async |row: &Wide| transaction.execute(&statement, &values!(row)).await;
        stream::iter(&rows).map(one).buffer_unordered(IN_FLIGHT).try_for_each(async |_| Ok(())).await?;
        transaction.commit().await?;
    }
    Latencies::sum(vec![latencies])
}

/// The task's connections, each with the statement.
async fn connections(task: &Task, sql: &str) -> Result<Vec<Arc<(Client, Statement)>>> {
    let mut all = Vec::new();
    for _ in 0..task.connections {
        let client = connect(task).await?;
        let statement = client.prepare(sql).await?;
        all.push(Arc::new((client, statement)));
    }
    Ok(all)
}

pub(super) async fn point(task: &Task) -> Result<Metrics> {
    let all = connections(task, &task.sql).await?;
    let mut next = all.iter().cycle().cloned();
    let rows = task.rows;
    together(task, |mut latencies| {
        let connection = next.next();
        async move {
            let connection = connection.ok_or("there is no connection")?;
            let (client, statement) = &*connection;
            while let Some(n) = latencies.next() {
                let key = i64::from(pick(n, rows)) + 1;
                black_box(wide(&client.query_one(statement, &[&key]).await?));
            }
            Ok(latencies)
        }
    })
    .await
}

pub(super) async fn write(task: &Task) -> Result<Metrics> {
    let all = connections(task, INSERT).await?;
    let mut next = all.iter().cycle().cloned();
    let rows: Arc<[Wide]> = wides(task.rows).into();
    together(task, |mut latencies| {
        let (connection, rows) = (next.next(), rows.clone());
        async move {
            let connection = connection.ok_or("there is no connection")?;
            let (client, statement) = &*connection;
            while let Some(n) = latencies.next() {
                let row = &rows[pick(n, rows.len() as u32) as usize];
                client.execute(statement, &values!(row)).await?;
            }
            Ok(latencies)
        }
    })
    .await
}

/// The five statements are sent in the order in which they are asked for the first time.
pub(super) async fn transfer(task: &Task) -> Result<Metrics> {
    let client = connect(task).await?;
    let statements = try_join_all(TRANSFER.map(|sql| client.prepare(sql))).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let accounts = accounts(task, n);
        let one = async |(statement, account): (&Statement, &i64)| client.execute(statement, &[account, &AMOUNT]).await;
        let three = try_join_all(statements.iter().zip(&accounts).map(one));
        try_join3(client.batch_execute("BEGIN"), three, client.batch_execute("COMMIT")).await?;
    }
    Latencies::sum(vec![latencies])
}
