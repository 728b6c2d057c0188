//! diesel over diesel-async, without libpq, and deadpool where there is a pool.

use std::hint::black_box;
use std::io::Write;

use chrono::{DateTime, Utc};
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use diesel::{deserialize, serialize};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use futures_util::TryStreamExt;
use tests::rows::{Profile, Wide};
use uuid::Uuid;

use super::{expect, together};
use crate::meter::{Latencies, Meter, pick, wides};
use crate::task::{Metrics, Result, Task, Work};

/// How many rows go into one statement, with ten parameters each. The 6,553 that a statement may hold are slower.
const CHUNK: usize = 500;

pub(crate) async fn run(task: &Task) -> Result<Metrics> {
    match (task.work, &*task.way) {
        (Work::Insert, "values") => insert(task).await,
        (Work::Read, "") => read(task).await,
        (Work::Point, "") => point(task).await,
        (Work::Pool, "") => pooled(task).await,
        _ => task.unknown(),
    }
}

diesel::table! {
    wide (id) {
        id -> BigInt,
        name -> Text,
        email -> Text,
        age -> Integer,
        active -> Bool,
        balance -> Double,
        created_at -> Timestamptz,
        uid -> Uuid,
        profile -> Jsonb,
        tags -> Array<Text>,
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = wide, check_for_backend(Pg))]
struct WideRow {
    id: i64,
    name: String,
    email: String,
    age: i32,
    active: bool,
    balance: f64,
    created_at: DateTime<Utc>,
    uid: Uuid,
    profile: Document,
    tags: Vec<String>,
}

impl From<Wide> for WideRow {
    fn from(row: Wide) -> Self {
        let Wide { id, name, email, age, active, balance, created_at, uid, profile, tags } = row;
        Self { id, name, email, age, active, balance, created_at, uid, profile: Document(profile.0), tags }
    }
}

/// A profile in a column: diesel itself reads documents into `serde_json::Value` only.
#[derive(Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
struct Document(Profile);

impl FromSql<Jsonb, Pg> for Document {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let document = value.as_bytes().strip_prefix(&[1]).ok_or("an unknown version of jsonb")?;
        Ok(Self(serde_json::from_slice(document)?))
    }
}

impl ToSql<Jsonb, Pg> for Document {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        serde_json::to_writer(out, &self.0)?;
        Ok(IsNull::No)
    }
}

async fn connect(task: &Task) -> Result<AsyncPgConnection> {
    Ok(AsyncPgConnection::establish(&task.url()).await?)
}

/// A load is one transaction, as it is in the other ways: so it is written to the disk once.
async fn insert(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let rows: Vec<WideRow> = wides(task.rows).into_iter().map(WideRow::from).collect();
    let mut latencies = Latencies::of(task)?;
    while latencies.next().is_some() {
        connection
            .transaction(async |connection| {
                for chunk in rows.chunks(CHUNK) {
                    diesel::insert_into(wide::table).values(chunk).execute(connection).await?;
                }
                diesel::QueryResult::Ok(())
            })
            .await?;
    }
    Latencies::sum(vec![latencies])
}

async fn read(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let meter = Meter::start()?;
    let mut rows = wide::table.select(WideRow::as_select()).load_stream(&mut connection).await?;
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        black_box(row);
        count += 1;
    }
    let metrics = meter.stop()?;
    expect(count, task.rows)?;
    Ok(metrics)
}

async fn by_key(connection: &mut AsyncPgConnection, key: i64) -> diesel::QueryResult<WideRow> {
    wide::table.find(key).select(WideRow::as_select()).get_result(connection).await
}

async fn point(task: &Task) -> Result<Metrics> {
    let mut connection = connect(task).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        black_box(by_key(&mut connection, i64::from(pick(n, task.rows)) + 1).await?);
    }
    Latencies::sum(vec![latencies])
}

async fn pooled(task: &Task) -> Result<Metrics> {
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(task.url());
    let pool = Pool::builder(manager).max_size(task.connections).build()?;
    // Each connection is held until the last one is there, and prepares the statement.
    let mut held = Vec::new();
    for _ in 0..task.connections {
        let mut connection = pool.get().await?;
        by_key(&mut connection, 1).await?;
        held.push(connection);
    }
    drop(held);
    let rows = task.rows;
    together(task, |mut latencies| {
        let pool = pool.clone();
        async move {
            while let Some(n) = latencies.next() {
                let key = i64::from(pick(n, rows)) + 1;
                let mut connection = pool.get().await?;
                black_box(by_key(&mut connection, key).await?);
            }
            Ok(latencies)
        }
    })
    .await
}
