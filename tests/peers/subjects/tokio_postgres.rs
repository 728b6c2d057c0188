//! tokio-postgres, and deadpool-postgres where there is a pool.

use std::hint::black_box;
use std::time::Instant;

use bytes::{BufMut, BytesMut};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use serde_json::value::RawValue;
use tests::rows::{Narrow, Profile, Wide};
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::types::{IsNull, Json, ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use super::{AMOUNT, COPY, COPY_STAGE, MERGE, STAGE, TRANSFER, accounts, expect, merged, together};
use crate::meter::{IN_A_TURN, Latencies, Meter, Rows, narrows, pick, turns, wides};
use crate::task::{Metrics, Result, Task, Work};

const WIDE: [Type; 10] = [
    Type::INT8,
    Type::TEXT,
    Type::TEXT,
    Type::INT4,
    Type::BOOL,
    Type::FLOAT8,
    Type::TIMESTAMPTZ,
    Type::UUID,
    Type::JSONB,
    Type::TEXT_ARRAY,
];

const NARROW: [Type; 3] = [Type::TEXT, Type::TEXT, Type::INT4];

pub(crate) async fn run(task: &Task) -> Result<Metrics> {
    match (task.work, &*task.way) {
        (Work::EncodeWide, "") => Ok(encode(task, &wides(IN_A_TURN), encode_wide)),
        (Work::EncodeNarrow, "") => Ok(encode(task, &narrows(IN_A_TURN), encode_narrow)),
        (Work::DecodeCopy, "") => decode_copy(task).await,
        (Work::DecodeQuery, "") => decode_query(task).await,
        (Work::CopyIn, "") => copy_in(task).await,
        (Work::Merge, "") => merge(task).await,
        (Work::Insert, "") => insert(task).await,
        (Work::Insert, "pipelined") => pipelined::insert(task).await,
        (Work::Read, "") => read(task).await,
        (Work::Point, "") => point(task).await,
        (Work::Pool, "" | "verified") => pooled(task).await,
        (Work::Pool, "pipelined") => pipelined::point(task).await,
        (Work::Write, "pipelined") => pipelined::write(task).await,
        (Work::Transfer, "pipelined") => pipelined::transfer(task).await,
        (Work::Transfer, "") => transfer(task).await,
        (Work::JsonPath | Work::Contains, "") => question(task).await,
        (Work::Join, "") => join(task).await,
        (Work::EarlyStop, "" | "cancel") => early_stop(task).await,
        _ => task.unknown(),
    }
}

fn config(task: &Task) -> Config {
    let mut config = Config::new();
    config.host(&task.host).port(task.port).user(&task.user).password(&task.password).dbname(&task.database);
    config
}

async fn connect(task: &Task) -> Result<Client> {
    let (client, connection) = config(task).connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A pool that recycles its connections in the default way. In the way `verified` it asks the server before each use.
fn pool(task: &Task) -> Result<Pool> {
    let recycling_method = if task.way == "verified" { RecyclingMethod::Verified } else { RecyclingMethod::Fast };
    let manager = Manager::from_config(config(task), NoTls, ManagerConfig { recycling_method });
    Ok(Pool::builder(manager).max_size(task.connections).build()?)
}

/// The values of a row, with the document borrowed.
macro_rules! values {
    ($row:expr) => {
        [
            &$row.id as &(dyn ToSql + Sync),
            &$row.name,
            &$row.email,
            &$row.age,
            &$row.active,
            &$row.balance,
            &$row.created_at,
            &$row.uid,
            &Json(&$row.profile.0),
            &$row.tags,
        ]
    };
}

mod pipelined;

/// A wide row out of a row of a query or of a COPY; the two share no trait.
macro_rules! wide {
    ($row:expr) => {{
        let Json::<Profile>(profile) = $row.get(8);
        Wide {
            id: $row.get(0),
            name: $row.get(1),
            email: $row.get(2),
            age: $row.get(3),
            active: $row.get(4),
            balance: $row.get(5),
            created_at: $row.get(6),
            uid: $row.get(7),
            profile: pgrepo::Json(profile),
            tags: $row.get(9),
        }
    }};
}

fn wide(row: &Row) -> Wide {
    wide!(row)
}

fn encode<R>(task: &Task, rows: &[R], write: impl Fn(&R, &mut BytesMut)) -> Metrics {
    let mut out = BytesMut::with_capacity(1 << 17);
    turns(task, || {
        out.clear();
        for row in rows {
            write(black_box(row), &mut out);
        }
        black_box(&out);
    })
}

fn encode_wide(row: &Wide, out: &mut BytesMut) {
    tuple(&values!(row), &WIDE, out);
}

fn encode_narrow(row: &Narrow, out: &mut BytesMut) {
    tuple(&[&row.name, &row.email, &row.age], &NARROW, out);
}

/// What `BinaryCopyInWriter::write` does before it sends, which it cannot do without a connection.
fn tuple(values: &[&(dyn ToSql + Sync)], types: &[Type], out: &mut BytesMut) {
    out.put_i16(i16::try_from(types.len()).unwrap());
    for (value, kind) in values.iter().zip(types) {
        let start = out.len();
        out.put_i32(0);
        let length = match value.to_sql_checked(kind, out).unwrap() {
            IsNull::Yes => -1,
            IsNull::No => i32::try_from(out.len() - start - 4).unwrap(),
        };
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// The stream has found the bounds of a row's fields before; a turn reads the fields only.
async fn decode_copy(task: &Task) -> Result<Metrics> {
    let client = connect(task).await?;
    let sql = format!("COPY (SELECT * FROM wide LIMIT {IN_A_TURN}) TO STDOUT (FORMAT binary)");
    let stream = BinaryCopyOutStream::new(client.copy_out(&sql).await?, &WIDE);
    let rows: Vec<_> = stream.try_collect().await?;
    Ok(turns(task, || {
        for row in &rows {
            let row = black_box(row);
            black_box(wide!(row));
        }
    }))
}

async fn decode_query(task: &Task) -> Result<Metrics> {
    let client = connect(task).await?;
    let rows = client.query(&format!("SELECT * FROM wide LIMIT {IN_A_TURN}"), &[]).await?;
    Ok(turns(task, || {
        for row in &rows {
            black_box(wide(black_box(row)));
        }
    }))
}

async fn copy<'r>(client: &Client, statement: &Statement, rows: impl Iterator<Item = &'r Wide>) -> Result<()> {
    let mut writer = std::pin::pin!(BinaryCopyInWriter::new(client.copy_in(statement).await?, &WIDE));
    for row in rows {
        writer.as_mut().write(&values!(row)).await?;
    }
    writer.finish().await?;
    Ok(())
}

async fn copy_in(task: &Task) -> Result<Metrics> {
    let client = connect(task).await?;
    let statement = client.prepare(COPY).await?;
    let meter = Meter::start()?;
    copy(&client, &statement, Rows::wide().first(task.rows)).await?;
    meter.stop()
}

async fn merge(task: &Task) -> Result<Metrics> {
    let mut client = connect(task).await?;
    let rows = wides(task.rows);
    let meter = Meter::start()?;
    let transaction = client.transaction().await?;
    transaction.batch_execute(STAGE).await?;
    let mut writer = std::pin::pin!(BinaryCopyInWriter::new(transaction.copy_in(COPY_STAGE).await?, &WIDE));
    for row in &rows {
        writer.as_mut().write(&values!(row)).await?;
    }
    writer.finish().await?;
    let written = transaction.execute(MERGE, &[]).await?;
    transaction.commit().await?;
    let metrics = meter.stop()?;
    merged(written, task)?;
    Ok(metrics)
}

async fn insert(task: &Task) -> Result<Metrics> {
    let client = connect(task).await?;
    let statement = client.prepare(COPY).await?;
    let rows = wides(task.rows);
    let mut latencies = Latencies::of(task)?;
    while latencies.next().is_some() {
        copy(&client, &statement, rows.iter()).await?;
    }
    Latencies::sum(vec![latencies])
}

async fn read(task: &Task) -> Result<Metrics> {
    let client = connect(task).await?;
    let statement = client.prepare(&task.sql).await?;
    let meter = Meter::start()?;
    let mut rows = std::pin::pin!(client.query_raw(&statement, NONE).await?);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        black_box(wide(&row));
        count += 1;
    }
    let metrics = meter.stop()?;
    expect(count, task.rows)?;
    Ok(metrics)
}

/// No parameters.
const NONE: [&(dyn ToSql + Sync); 0] = [];

async fn point(task: &Task) -> Result<Metrics> {
    let client = connect(task).await?;
    let statement = client.prepare(&task.sql).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let key = i64::from(pick(n, task.rows)) + 1;
        black_box(wide(&client.query_one(&statement, &[&key]).await?));
    }
    Latencies::sum(vec![latencies])
}

async fn pooled(task: &Task) -> Result<Metrics> {
    let pool = pool(task)?;
    let mut all = Vec::new();
    for _ in 0..task.connections {
        let client = pool.get().await?;
        client.prepare_cached(&task.sql).await?;
        all.push(client);
    }
    drop(all);
    together(task, |mut latencies| {
        let (pool, task) = (pool.clone(), task.clone());
        async move {
            while let Some(n) = latencies.next() {
                let key = i64::from(pick(n, task.rows)) + 1;
                let client = pool.get().await?;
                let statement = client.prepare_cached(&task.sql).await?;
                black_box(wide(&client.query_one(&statement, &[&key]).await?));
            }
            Ok(latencies)
        }
    })
    .await
}

async fn transfer(task: &Task) -> Result<Metrics> {
    let mut client = connect(task).await?;
    let statements = try_join_all(TRANSFER.map(|sql| client.prepare(sql))).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let transaction = client.transaction().await?;
        for (statement, account) in statements.iter().zip(accounts(task, n)) {
            transaction.execute(statement, &[&account, &AMOUNT]).await?;
        }
        transaction.commit().await?;
    }
    Latencies::sum(vec![latencies])
}

async fn question(task: &Task) -> Result<Metrics> {
    let client = connect(task).await?;
    let statement = client.prepare(&task.sql).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let wanted = task.question(n);
        let rows = match task.work {
            Work::Contains => client.query(&statement, &[&Json(RawValue::from_string(wanted)?)]).await?,
            _ => client.query(&statement, &[&wanted]).await?,
        };
        if rows.is_empty() {
            return Err("no row was found".into());
        }
        black_box(rows.iter().map(wide).collect::<Vec<_>>());
    }
    Latencies::sum(vec![latencies])
}

#[allow(dead_code, reason = "what a reader would look at")]
struct Sale {
    name: String,
    id: i64,
    price: f64,
}

async fn join(task: &Task) -> Result<Metrics> {
    let client = connect(task).await?;
    let statement = client.prepare(&task.sql).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let rows = client.query(&statement, &[&i64::from(pick(n, task.rows))]).await?;
        if rows.is_empty() {
            return Err("no row was found".into());
        }
        let sales = rows.iter().map(|row| Sale { name: row.get(0), id: row.get(1), price: row.get(2) });
        black_box(sales.collect::<Vec<_>>());
    }
    Latencies::sum(vec![latencies])
}

/// The pool does not know that rows are still on their way. In the way `cancel` the user does, and asks the server to stop.
async fn early_stop(task: &Task) -> Result<Metrics> {
    let pool = pool(task)?;
    let client = pool.get().await?;
    let statement = client.prepare_cached(&task.sql).await?;
    let mut rows = Box::pin(client.query_raw(&statement, NONE).await?);
    for _ in 0..10 {
        black_box(rows.try_next().await?.as_ref().map(wide));
    }
    let start = Instant::now();
    drop(rows);
    if task.way == "cancel" {
        client.cancel_token().cancel_query(NoTls).await?;
    }
    drop(client);
    pool.get().await?.simple_query("SELECT 1").await?;
    Ok(Metrics::from([("next_ms".to_owned(), start.elapsed().as_secs_f64() * 1e3)]))
}
