//! sqlx by itself.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use serde_json::value::RawValue;
use sqlx::encode::{Encode, IsNull};
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnection, PgPool, PgPoolOptions};
use sqlx::types::Json;
use sqlx::{Connection, FromRow, Postgres};
use tests::by_hand;
use tests::rows::{Narrow, Profile, Wide};
use uuid::Uuid;

use super::raw::{HEADER, TRAILER};
use super::{
    AMOUNT, COPY, COPY_STAGE, INSERT, MERGE, STAGE, TRANSFER, UNNEST, accounts, array_literal, expect, merged, together,
};
use crate::meter::{IN_A_TURN, Latencies, Meter, Rows, narrows, pick, turns, wides};
use crate::task::{Metrics, Result, Task, Work};

/// How many bytes of rows go into one message; more are no faster.
const CHUNK: usize = 32 << 10;

pub(crate) async fn run(task: &Task) -> Result<Metrics> {
    match (task.work, &*task.way) {
        (Work::EncodeWide, "") => Ok(encode(task, &wides(IN_A_TURN), encode_wide)),
        (Work::EncodeNarrow, "") => Ok(encode(task, &narrows(IN_A_TURN), encode_narrow)),
        (Work::DecodeQuery, "") => decode_query(task).await,
        (Work::CopyIn, "") => copy_in(task).await,
        (Work::Merge, "") => merge(task).await,
        (Work::Insert, way) => insert(task, way).await,
        (Work::Read, "") => read(task).await,
        (Work::Point, "") => point(task).await,
        (Work::Pool, "") => pooled(task).await,
        (Work::Write, "") => write(task).await,
        (Work::Transfer, "") => transfer(task).await,
        (Work::JsonPath | Work::Contains, "") => question(task).await,
        (Work::Join, "") => join(task).await,
        (Work::EarlyStop, "") => early_stop(task).await,
        _ => task.unknown(),
    }
}

#[allow(dead_code, reason = "what a reader would look at")]
#[derive(FromRow)]
struct WideRow {
    id: i64,
    name: String,
    email: String,
    age: i32,
    active: bool,
    balance: f64,
    created_at: DateTime<Utc>,
    uid: Uuid,
    profile: Json<Profile>,
    tags: Vec<String>,
}

#[allow(dead_code, reason = "what a reader would look at")]
#[derive(FromRow)]
struct Sale {
    name: String,
    id: i64,
    price: f64,
}

async fn connect(task: &Task) -> Result<PgConnection> {
    Ok(PgConnection::connect(&task.url()).await?)
}

/// A pool that opens all its connections at once, and is otherwise as it comes.
async fn pool(task: &Task) -> Result<PgPool> {
    let count = u32::try_from(task.connections)?;
    Ok(PgPoolOptions::new().max_connections(count).min_connections(count).connect(&task.url()).await?)
}

/// The task's statement as a program has it, a constant: any other text would be copied for each query.
fn constant(task: &Task) -> &'static str {
    task.sql.clone().leak()
}

fn encode<R>(task: &Task, rows: &[R], write: impl Fn(&R, &mut PgArgumentBuffer)) -> Metrics {
    turns(task, || {
        // A new one each time: it remembers every JSON value that it was given.
        let mut out = PgArgumentBuffer::default();
        out.reserve(1 << 17);
        for row in rows {
            write(black_box(row), &mut out);
        }
        black_box(&out);
    })
}

fn encode_wide(row: &Wide, out: &mut PgArgumentBuffer) {
    out.extend_from_slice(&[0, 10]);
    field(&row.id, out);
    field(&row.name, out);
    field(&row.email, out);
    field(&row.age, out);
    field(&row.active, out);
    field(&row.balance, out);
    field(&row.created_at, out);
    field(&row.uid, out);
    field(&Json(&row.profile.0), out);
    field(&row.tags, out);
}

fn encode_narrow(row: &Narrow, out: &mut PgArgumentBuffer) {
    out.extend_from_slice(&[0, 3]);
    field(&row.name, out);
    field(&row.email, out);
    field(&row.age, out);
}

/// A field with its length, as the driver's own argument list writes it.
fn field<'q, T: Encode<'q, Postgres>>(value: &T, out: &mut PgArgumentBuffer) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let length = match value.encode_by_ref(out).unwrap() {
        IsNull::No => i32::try_from(out.len() - start - 4).unwrap(),
        IsNull::Yes => -1,
    };
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

async fn decode_query(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let sql = format!("SELECT * FROM wide LIMIT {IN_A_TURN}");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await?;
    Ok(turns(task, || {
        for row in &rows {
            black_box(WideRow::from_row(black_box(row)).unwrap());
        }
    }))
}

/// A binary COPY: the driver carries its bytes, and leaves the writing of them to its user.
///
/// Rows and the end of the COPY are sent apart, and sqlx 0.9.0 has no TCP_NODELAY: over TCP, a small load waits for a
/// delayed acknowledgement, some 40 ms. Its interface offers no way around that.
async fn copy<'r>(connection: &mut PgConnection, sql: &str, rows: impl Iterator<Item = &'r Wide>) -> Result<()> {
    let mut copy = connection.copy_in_raw(sql).await?;
    let mut out = Vec::with_capacity(CHUNK + 1024);
    out.extend_from_slice(HEADER);
    for row in rows {
        by_hand::encode_wide(row, &mut out);
        if out.len() >= CHUNK {
            copy.send(&*out).await?;
            out.clear();
        }
    }
    out.extend_from_slice(TRAILER);
    copy.send(&*out).await?;
    copy.finish().await?;
    Ok(())
}

async fn copy_in(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let meter = Meter::start()?;
    copy(&mut connection, COPY, Rows::wide().first(task.rows)).await?;
    meter.stop()
}

async fn merge(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let rows = wides(task.rows);
    let meter = Meter::start()?;
    let mut transaction = connection.begin().await?;
    sqlx::query(STAGE).execute(&mut *transaction).await?;
    copy(&mut transaction, COPY_STAGE, rows.iter()).await?;
    let written = sqlx::query(MERGE).execute(&mut *transaction).await?.rows_affected();
    transaction.commit().await?;
    let metrics = meter.stop()?;
    merged(written, task)?;
    Ok(metrics)
}

async fn insert(task: &Task, way: &str) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let rows = wides(task.rows);
    let mut latencies = Latencies::of(task)?;
    while latencies.next().is_some() {
        match way {
            "" => copy(&mut connection, COPY, rows.iter()).await?,
            "unnest" => unnest(&mut connection, &rows).await?,
            "row by row" => row_by_row(&mut connection, &rows).await?,
            _ => return task.unknown(),
        }
    }
    Latencies::sum(vec![latencies])
}

/// One statement with an array for each column.
async fn unnest(connection: &mut PgConnection, rows: &[Wide]) -> Result<()> {
    sqlx::query(UNNEST)
        .bind(rows.iter().map(|r| r.id).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| &*r.name).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| &*r.email).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.age).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.active).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.balance).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.created_at).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.uid).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| Json(&r.profile.0)).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| array_literal(&r.tags)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// A load is one transaction, as it is in the other ways: so it is written to the disk once, and not for each row.
async fn row_by_row(connection: &mut PgConnection, rows: &[Wide]) -> Result<()> {
    let mut transaction = connection.begin().await?;
    for row in rows {
        insertion(row).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

fn insertion(row: &Wide) -> sqlx::query::Query<'_, Postgres, PgArguments> {
    sqlx::query(INSERT)
        .bind(row.id)
        .bind(&row.name)
        .bind(&row.email)
        .bind(row.age)
        .bind(row.active)
        .bind(row.balance)
        .bind(row.created_at)
        .bind(row.uid)
        .bind(Json(&row.profile.0))
        .bind(&row.tags)
}

async fn write(task: &Task) -> Result<Metrics> {
    let pool = pool(task).await?;
    let rows: Arc<[Wide]> = wides(task.rows).into();
    together(task, |mut latencies| {
        let (pool, rows) = (pool.clone(), rows.clone());
        async move {
            while let Some(n) = latencies.next() {
                let row = &rows[pick(n, rows.len() as u32) as usize];
                insertion(row).execute(&pool).await?;
            }
            Ok(latencies)
        }
    })
    .await
}

async fn transfer(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let mut transaction = connection.begin().await?;
        for (sql, account) in TRANSFER.into_iter().zip(accounts(task, n)) {
            sqlx::query(sql).bind(account).bind(AMOUNT).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    }
    Latencies::sum(vec![latencies])
}

async fn read(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let sql = constant(task);
    let meter = Meter::start()?;
    let mut rows = sqlx::query_as::<_, WideRow>(sql).fetch(&mut connection);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        black_box(row);
        count += 1;
    }
    let metrics = meter.stop()?;
    expect(count, task.rows)?;
    Ok(metrics)
}

async fn point(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let sql = constant(task);
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let key = i64::from(pick(n, task.rows)) + 1;
        black_box(sqlx::query_as::<_, WideRow>(sql).bind(key).fetch_one(&mut connection).await?);
    }
    Latencies::sum(vec![latencies])
}

async fn pooled(task: &Task) -> Result<Metrics> {
    let pool = pool(task).await?;
    let sql = constant(task);
    // Each connection is held until the last one is there, and prepares the statement.
    let mut held = Vec::new();
    for _ in 0..task.connections {
        let mut connection = pool.acquire().await?;
        sqlx::query(sql).bind(1_i64).fetch_one(&mut *connection).await?;
        held.push(connection);
    }
    drop(held);
    let rows = task.rows;
    together(task, |mut latencies| {
        let pool = pool.clone();
        async move {
            while let Some(n) = latencies.next() {
                let key = i64::from(pick(n, rows)) + 1;
                black_box(sqlx::query_as::<_, WideRow>(sql).bind(key).fetch_one(&pool).await?);
            }
            Ok(latencies)
        }
    })
    .await
}

async fn question(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let sql = constant(task);
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let wanted = task.question(n);
        let query = sqlx::query_as::<_, WideRow>(sql);
        let query = match task.work {
            Work::Contains => query.bind(Json(RawValue::from_string(wanted)?)),
            _ => query.bind(wanted),
        };
        let rows = query.fetch_all(&mut connection).await?;
        if rows.is_empty() {
            return Err("no row was found".into());
        }
        black_box(rows);
    }
    Latencies::sum(vec![latencies])
}

async fn join(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let sql = constant(task);
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let customer = i64::from(pick(n, task.rows));
        let rows = sqlx::query_as::<_, Sale>(sql).bind(customer).fetch_all(&mut connection).await?;
        if rows.is_empty() {
            return Err("no row was found".into());
        }
        black_box(rows);
    }
    Latencies::sum(vec![latencies])
}

/// The pool reads what is left before it hands the connection out again.
async fn early_stop(task: &Task) -> Result<Metrics> {
    let pool = pool(task).await?;
    let mut rows = sqlx::query_as::<_, WideRow>(constant(task)).fetch(&pool);
    for _ in 0..10 {
        black_box(rows.try_next().await?);
    }
    let start = Instant::now();
    drop(rows);
    sqlx::query("SELECT 1").execute(&pool).await?;
    Ok(Metrics::from([("next_ms".to_owned(), start.elapsed().as_secs_f64() * 1e3)]))
}
