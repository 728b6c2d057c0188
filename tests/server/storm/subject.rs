//! The storm's operations, on pgrepo and on plain sqlx.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use pgrepo::{CopyInOptions, Db, PgTable};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Row};

use super::{ALL, At, End, Phase};

/// What the storm blows on.
pub(crate) trait Subject: Clone + Send + Sync + 'static {
    /// What its sessions are called on the server.
    const NAME: &'static str;
    /// How long a single operation may take.
    const PATIENCE: Duration;
    type Error: Debug + Send;

    fn query(&self, nonce: i64, at: &At) -> impl Future<Output = Result<i64, Self::Error>> + Send;
    fn insert(&self, group: i64, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn transaction(&self, group: i64, end: End, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn copy_in(
        &self,
        group: i64,
        rows: usize,
        pad: usize,
        at: &At,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
    fn whole_copy_in(
        &self,
        group: i64,
        rows: usize,
        pad: usize,
        at: &At,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
    fn copy_out(&self, read: usize, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn stream(&self, nonce: i64, read: usize, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
}

#[derive(Debug, Clone, PgTable)]
#[pg(table = "stored")]
struct Stored {
    grp: i64,
    id: i32,
    pad: String,
}

#[derive(Debug, PgTable)]
#[pg(table = "big")]
struct Big {
    grp: i64,
    id: i32,
    pad: String,
}

fn rows(group: i64, rows: usize, pad: usize) -> impl Iterator<Item = Stored> {
    (0..rows).map(move |i| Stored { grp: group, id: i32::try_from(i).unwrap(), pad: "y".repeat(pad) })
}

const INSERT: &str = "INSERT INTO stored VALUES ($1, $2, 'z')";
const SERIES: &str = "SELECT $1::int8 + i, repeat('s', 500) FROM generate_series(0, 499) i";

impl Subject for Db {
    const NAME: &'static str = "storm";
    const PATIENCE: Duration = super::STUCK;
    type Error = pgrepo::Error;

    async fn query(&self, nonce: i64, at: &At) -> pgrepo::Result<i64> {
        at.now(Phase::Query);
        Db::query(self, "SELECT $1::int8").bind(nonce).fetch_one().await
    }

    async fn insert(&self, group: i64, at: &At) -> pgrepo::Result<bool> {
        at.now(Phase::Insert);
        Ok(Db::query(self, INSERT).bind(group).bind(0).execute().await? == 1)
    }

    async fn transaction(&self, group: i64, end: End, at: &At) -> pgrepo::Result<bool> {
        at.now(Phase::Begin);
        let mut tx = self.begin().await?;
        at.now(Phase::InTransaction);
        let mut affected = 0;
        for id in 0..3 {
            affected += tx.query(INSERT).bind(group).bind(id).execute().await?;
        }
        match end {
            End::Commit => {
                at.now(Phase::Commit);
                tx.commit().await?;
            }
            End::Rollback => {
                at.now(Phase::Rollback);
                tx.rollback().await?;
            }
            End::Drop => drop(tx),
        }
        Ok(affected == 3)
    }

    async fn copy_in(&self, group: i64, count: usize, pad: usize, at: &At) -> pgrepo::Result<u64> {
        let mut copy = self.repository::<Stored>().start_copy_in::<Stored>(CopyInOptions::default());
        at.now(Phase::CopyStart);
        for row in rows(group, count, pad) {
            copy.send(&row).await?;
            at.now(Phase::BetweenChunks);
            // A source that makes the load wait.
            tokio::task::yield_now().await;
        }
        at.now(Phase::CopyFinish);
        Ok(copy.finish().await?.rows)
    }

    async fn whole_copy_in(&self, group: i64, count: usize, pad: usize, at: &At) -> pgrepo::Result<u64> {
        at.now(Phase::WholeCopy);
        Ok(self.repository::<Stored>().copy_in(rows(group, count, pad)).await?.rows)
    }

    async fn copy_out(&self, read: usize, at: &At) -> pgrepo::Result<bool> {
        at.now(Phase::CopyOut);
        let mut out = self.repository::<Big>().copy_out().await?;
        at.now(Phase::CopyOutRows);
        let mut sum = (0, 0, 0);
        while sum.0 < read {
            let Some(row) = out.next().await? else { break };
            sum = (sum.0 + 1, sum.1 + i64::from(row.id) + row.grp, sum.2 + row.pad.len());
        }
        Ok(read != ALL || sum == (2_000, 1_999_000, 200_000))
    }

    async fn stream(&self, nonce: i64, read: usize, at: &At) -> pgrepo::Result<bool> {
        at.now(Phase::Stream);
        let mut stream = Db::query(self, SERIES).bind(nonce).stream::<(i64, String)>().await?;
        at.now(Phase::StreamRows);
        let mut count = 0;
        while usize::try_from(count).unwrap() < read {
            let Some((number, _)) = stream.next().await? else { break };
            if number != nonce + count {
                return Ok(false);
            }
            count += 1;
        }
        Ok(read != ALL || count == 500)
    }
}

/// sqlx's own pool, transactions and COPY, used as its documentation shows.
#[derive(Clone)]
pub(crate) struct Plain(PgPool);

impl Plain {
    pub(crate) async fn connect(url: &str, max: usize) -> Self {
        let options = url.parse::<PgConnectOptions>().unwrap().application_name(Self::NAME).disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(u32::try_from(max).unwrap())
            .acquire_timeout(Duration::from_secs(2))
            .connect_with(options)
            .await;
        Self(pool.unwrap())
    }

    /// How many connections can be had at the same time.
    pub(crate) async fn free_slots(&self, max: usize) -> usize {
        let all = futures_util::future::join_all((0..max).map(|_| self.0.acquire()));
        all.await.iter().filter(|acquired| acquired.is_ok()).count()
    }

    /// Asks several questions on one connection: what was asked, and the answers that there were.
    pub(crate) async fn interview(&self, first: i64) -> Vec<(i64, sqlx::Result<i64>)> {
        let mut answers = Vec::new();
        if let Ok(mut conn) = self.0.acquire().await {
            for nonce in first..first + 4 {
                let answer = sqlx::query_scalar("SELECT $1::int8").bind(nonce).fetch_one(&mut *conn).await;
                answers.push((nonce, answer));
            }
        }
        answers
    }
}

impl Subject for Plain {
    const NAME: &'static str = "plain";
    const PATIENCE: Duration = Duration::from_secs(2);
    type Error = sqlx::Error;

    async fn query(&self, nonce: i64, at: &At) -> sqlx::Result<i64> {
        at.now(Phase::Query);
        sqlx::query_scalar("SELECT $1::int8").bind(nonce).fetch_one(&self.0).await
    }

    async fn insert(&self, group: i64, at: &At) -> sqlx::Result<bool> {
        at.now(Phase::Insert);
        Ok(sqlx::query(INSERT).bind(group).bind(0).execute(&self.0).await?.rows_affected() == 1)
    }

    async fn transaction(&self, group: i64, end: End, at: &At) -> sqlx::Result<bool> {
        at.now(Phase::Begin);
        let mut tx = self.0.begin().await?;
        at.now(Phase::InTransaction);
        let mut affected = 0;
        for id in 0..3 {
            affected += sqlx::query(INSERT).bind(group).bind(id).execute(&mut *tx).await?.rows_affected();
        }
        match end {
            End::Commit => {
                at.now(Phase::Commit);
                tx.commit().await?;
            }
            End::Rollback => {
                at.now(Phase::Rollback);
                tx.rollback().await?;
            }
            End::Drop => drop(tx),
        }
        Ok(affected == 3)
    }

    async fn copy_in(&self, group: i64, count: usize, pad: usize, at: &At) -> sqlx::Result<u64> {
        at.now(Phase::CopyStart);
        let mut conn = self.0.acquire().await?;
        let mut copy = conn.copy_in_raw("COPY stored FROM STDIN").await?;
        at.now(Phase::BetweenChunks);
        let mut text = String::new();
        for row in rows(group, count, pad) {
            text += &format!("{}\t{}\t{}\n", row.grp, row.id, row.pad);
            if text.len() >= 32 * 1024 {
                copy.send(std::mem::take(&mut text).into_bytes()).await?;
                tokio::task::yield_now().await;
            }
        }
        copy.send(text.into_bytes()).await?;
        at.now(Phase::CopyFinish);
        copy.finish().await
    }

    async fn whole_copy_in(&self, group: i64, count: usize, pad: usize, at: &At) -> sqlx::Result<u64> {
        let inner = At::default();
        at.now(Phase::WholeCopy);
        self.copy_in(group, count, pad, &inner).await
    }

    async fn copy_out(&self, read: usize, at: &At) -> sqlx::Result<bool> {
        at.now(Phase::CopyOut);
        let mut conn = self.0.acquire().await?;
        let mut out = conn.copy_out_raw("COPY big TO STDOUT").await?;
        at.now(Phase::CopyOutRows);
        let mut lines = 0;
        while lines < read {
            let Some(piece) = out.try_next().await? else { break };
            lines += piece.iter().filter(|byte| **byte == b'\n').count();
        }
        Ok(read != ALL || lines == 2000)
    }

    async fn stream(&self, nonce: i64, read: usize, at: &At) -> sqlx::Result<bool> {
        at.now(Phase::Stream);
        let mut rows = sqlx::query(SERIES).bind(nonce).fetch(&self.0);
        let mut count = 0;
        while usize::try_from(count).unwrap() < read {
            let Some(row) = rows.next().await else { break };
            at.now(Phase::StreamRows);
            if row?.try_get::<i64, _>(0)? != nonce + count {
                return Ok(false);
            }
            count += 1;
        }
        Ok(read != ALL || count == 500)
    }
}
