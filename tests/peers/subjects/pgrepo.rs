//! pgrepo, through its public interface; only rows that are decoded without a connection go through an internal one.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use pgrepo::copy::frame::{decode_row, encode_row};
use pgrepo::{Db, DbConfig, FromRow, Handle, PgRecord, TypeInfo, WriteFields};
use serde_json::value::RawValue;
use tests::rows::{Profile, Settings, Wide, WideRef, narrow_types, wide_types};

use crate::meter::{IN_A_TURN, Latencies, Meter, narrows, pick, turns, wides};
use crate::task::{Metrics, Result, Task, Work};

use super::{AMOUNT, INSERT, TRANSFER, UNNEST, accounts, array_literal, expect, together};

mod loads;

pub(crate) async fn run(task: &Task) -> Result<Metrics> {
    match (task.work, &*task.way) {
        (Work::EncodeWide, "") => Ok(encode(task, &wides(IN_A_TURN), &wide_types())),
        (Work::EncodeNarrow, "") => Ok(encode(task, &narrows(IN_A_TURN), &narrow_types())),
        (Work::DecodeCopy, "") => Ok(decode(task, |tuple, types| black_box(decode_row::<Wide>(tuple, types)).is_ok())),
        (Work::DecodeCopy, "borrowed") => {
            Ok(decode(task, |tuple, types| black_box(decode_row::<WideRef<'_>>(tuple, types)).is_ok()))
        }
        (Work::DecodeQuery, "") => decode_query::<Wide>(task).await,
        (Work::DecodeQuery, "borrowed") => decode_query::<WideRef<'_>>(task).await,
        (Work::DecodeQuery, "sqlx::FromRow") => decode_from_row(task).await,
        (Work::CopyIn, way) => loads::copy_in(task, way).await,
        (Work::Merge, "") => loads::merge(task).await,
        (Work::CopyNarrow, "") => loads::copy_narrow(task).await,
        (Work::Write, "") => write(task).await,
        (Work::Transfer, "") => transfer(task).await,
        (Work::Insert, way) => insert(task, way).await,
        (Work::Read, "") => read::<Wide>(task).await,
        (Work::Read, "borrowed") => read::<WideRef<'_>>(task).await,
        (Work::Read, "copy") => copy_out::<Wide>(task).await,
        (Work::Read, "copy borrowed") => copy_out::<WideRef<'_>>(task).await,
        (Work::Point | Work::Pool, "") => point(task).await,
        (Work::Point, "typed key") => typed_key(task).await,
        (Work::JsonPath | Work::Contains, "") => question(task).await,
        (Work::JsonPath, "typed path") => typed_path(task).await,
        (Work::Join, "") => join(task).await,
        (Work::EarlyStop, "") => early_stop(task).await,
        _ => task.unknown(),
    }
}

fn encode<R: WriteFields>(task: &Task, rows: &[R], types: &[TypeInfo]) -> Metrics {
    let mut out = Vec::with_capacity(1 << 17);
    turns(task, || {
        out.clear();
        for row in rows {
            encode_row(black_box(row), types, &mut out).unwrap();
        }
        black_box(&out);
    })
}

/// Tuples as COPY sends them, without the number of their fields.
fn decode(task: &Task, read: impl Fn(&[u8], &[TypeInfo]) -> bool) -> Metrics {
    let types = wide_types();
    let tuples: Vec<Vec<u8>> = wides(IN_A_TURN)
        .iter()
        .map(|row| {
            let mut out = Vec::new();
            encode_row(row, &types, &mut out).unwrap();
            out.split_off(2)
        })
        .collect();
    turns(task, || {
        for tuple in &tuples {
            assert!(read(black_box(tuple), &types));
        }
    })
}

/// The rows of a query as the driver keeps them.
async fn fetched(task: &Task) -> Result<Vec<sqlx::postgres::PgRow>> {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&task.url()).await?;
    let sql = format!("SELECT * FROM wide LIMIT {IN_A_TURN}");
    Ok(sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await?)
}

/// What a stream of rows does with each: the places of the columns are known.
async fn decode_query<T: FromRow>(task: &Task) -> Result<Metrics> {
    let rows = fetched(task).await?;
    Ok(turns(task, || {
        pgrepo::__private::from_pg_rows::<T>(black_box(&rows), |row| {
            black_box(row);
        })
        .unwrap();
    }))
}

/// What the driver's own queries do with each: columns are looked up for every row.
async fn decode_from_row(task: &Task) -> Result<Metrics> {
    let rows = fetched(task).await?;
    Ok(turns(task, || {
        for row in &rows {
            black_box(<Wide as sqlx::FromRow<_>>::from_row(black_box(row)).unwrap());
        }
    }))
}

async fn connect(task: &Task) -> Result<Db> {
    let config = DbConfig::from_url(&task.url())?.with_max_connections(task.connections);
    let db = Db::connect(config).await?;
    // All connections are opened: each is held until the last one is there. A pool's have prepared the statement.
    let mut held = Vec::new();
    for _ in 0..task.connections {
        let mut tx = db.begin().await?;
        if task.work == Work::Pool {
            tx.query(&*task.sql).bind(1_i64).fetch_optional::<Wide>().await?;
        }
        held.push(tx);
    }
    for tx in held {
        tx.rollback().await?;
    }
    Ok(db)
}

async fn write(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let rows: Arc<[Wide]> = wides(task.rows).into();
    together(task, |mut latencies| {
        let (db, rows) = (db.clone(), rows.clone());
        async move {
            while let Some(n) = latencies.next() {
                one(&db, &rows[pick(n, rows.len() as u32) as usize]).await?;
            }
            Ok(latencies)
        }
    })
    .await
}

async fn transfer(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let mut tx = db.begin().await?;
        for (sql, account) in TRANSFER.into_iter().zip(accounts(task, n)) {
            tx.query(sql).bind(account).bind(AMOUNT).execute().await?;
        }
        tx.commit().await?;
    }
    Latencies::sum(vec![latencies])
}

async fn insert(task: &Task, way: &str) -> Result<Metrics> {
    let db = connect(task).await?;
    let rows = wides(task.rows);
    let mut latencies = Latencies::of(task)?;
    while latencies.next().is_some() {
        match way {
            "" => {
                db.repository::<Wide>().copy_in(&rows).await?;
            }
            "insert_many" => {
                db.repository::<Wide>().insert_many(&rows).await?;
            }
            "unnest" => unnest(&db, &rows).await?,
            "row by row" => {
                let mut tx = db.begin().await?;
                for row in &rows {
                    one(&mut tx, row).await?;
                }
                tx.commit().await?;
            }
            _ => return task.unknown(),
        }
    }
    Latencies::sum(vec![latencies])
}

/// One statement with an array for each column.
async fn unnest(db: &Db, rows: &[Wide]) -> Result<()> {
    pgrepo::query(db, UNNEST)
        .bind(rows.iter().map(|r| r.id).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| &*r.name).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| &*r.email).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.age).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.active).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.balance).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.created_at).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.uid).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| pgrepo::Json(&r.profile.0)).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| array_literal(&r.tags)).collect::<Vec<_>>())
        .execute()
        .await?;
    Ok(())
}

async fn one(on: impl Handle, row: &Wide) -> Result<()> {
    pgrepo::query(on, INSERT)
        .bind(row.id)
        .bind(&*row.name)
        .bind(&*row.email)
        .bind(row.age)
        .bind(row.active)
        .bind(row.balance)
        .bind(row.created_at)
        .bind(row.uid)
        .bind(pgrepo::Json(&row.profile.0))
        .bind(&*row.tags)
        .execute()
        .await?;
    Ok(())
}

async fn read<T: FromRow + 'static>(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let meter = Meter::start()?;
    let rows = pgrepo::query(&db, &*task.sql).stream::<T>().await?;
    let count = rows
        .for_each(|row| {
            black_box(&row);
            Ok(())
        })
        .await?;
    let metrics = meter.stop()?;
    expect(count, task.rows)?;
    Ok(metrics)
}

async fn copy_out<T: pgrepo::PgTable + pgrepo::table::CopyOut>(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let meter = Meter::start()?;
    let rows = db.repository::<T>().copy_out().await?;
    let count = rows
        .for_each(|row| {
            black_box(&row);
            Ok(())
        })
        .await?;
    let metrics = meter.stop()?;
    expect(count, task.rows)?;
    Ok(metrics)
}

async fn point(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    together(task, |mut latencies| {
        let (db, task) = (db.clone(), task.clone());
        async move {
            while let Some(n) = latencies.next() {
                let key = i64::from(pick(n, task.rows)) + 1;
                let row: Wide = pgrepo::query(&db, &*task.sql).bind(key).fetch_one().await?;
                black_box(row);
            }
            Ok(latencies)
        }
    })
    .await
}

/// The row as a repository gets it by its key.
async fn typed_key(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let key = i64::from(pick(n, task.rows)) + 1;
        let row: Option<Wide> = db.repository().get(key).await?;
        black_box(row.ok_or("no row was found")?);
    }
    Latencies::sum(vec![latencies])
}

/// The rows as a repository finds them by a typed path.
async fn typed_path(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let logins = Wide::PROFILE.at(Profile::SETTINGS).at(Settings::LOGINS);
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let wanted: u32 = task.question(n).parse()?;
        let rows = db.repository::<Wide>().find(logins.eq(wanted)).limit(10).fetch_all().await?;
        if rows.is_empty() {
            return Err("no row was found".into());
        }
        black_box(rows);
    }
    Latencies::sum(vec![latencies])
}

async fn question(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let wanted = task.question(n);
        let query = pgrepo::query(&db, &*task.sql);
        let rows: Vec<Wide> = match task.work {
            Work::Contains => query.bind(pgrepo::Json(RawValue::from_string(wanted)?)).fetch_all().await?,
            _ => query.bind(wanted).fetch_all().await?,
        };
        if rows.is_empty() {
            return Err("no row was found".into());
        }
        black_box(rows);
    }
    Latencies::sum(vec![latencies])
}

#[derive(Debug, PgRecord)]
struct Sale {
    name: String,
    id: i64,
    price: f64,
}

async fn join(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let mut latencies = Latencies::of(task)?;
    while let Some(n) = latencies.next() {
        let rows: Vec<Sale> = pgrepo::query(&db, &*task.sql).bind(i64::from(pick(n, task.rows))).fetch_all().await?;
        if rows.is_empty() {
            return Err("no row was found".into());
        }
        black_box(rows);
    }
    Latencies::sum(vec![latencies])
}

async fn early_stop(task: &Task) -> Result<Metrics> {
    let db = connect(task).await?;
    let mut rows = pgrepo::query(&db, &*task.sql).stream::<Wide>().await?;
    for _ in 0..10 {
        black_box(rows.next().await?);
    }
    let start = Instant::now();
    drop(rows);
    pgrepo::query(&db, "SELECT 1").execute().await?;
    Ok(Metrics::from([("next_ms".to_owned(), start.elapsed().as_secs_f64() * 1e3)]))
}
