//! sqlx's own pool, transactions and COPY.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Acquire, ConnectOptions, Row};

use super::super::operation::{ALL, Also, Answer, COPIED, End};
use super::super::phase::{At, PHASES, Phase};
use super::super::verdict::Verdict;
use super::{Change, INSERT, SERIES, Subject, rows};

/// The rows in COPY's text format.
fn text(group: i64, count: usize, pad: usize) -> String {
    rows(group, count, pad).map(|row| format!("{}\t{}\t{}\n", row.grp, row.id, row.pad)).collect()
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

    /// A load in a transaction.
    pub(crate) async fn load(&self, group: i64, count: usize) -> sqlx::Result<u64> {
        let mut tx = self.0.begin().await?;
        let mut copy = tx.copy_in_raw("COPY stored FROM STDIN").await?;
        copy.send(text(group, count, 10).into_bytes()).await?;
        let stored = copy.finish().await?;
        tx.commit().await?;
        Ok(stored)
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
    const PHASES: &'static [Phase] = PHASES.first_chunk::<{ Phase::COMMON }>().unwrap();
    type Error = sqlx::Error;

    fn is_of_the_network(error: &sqlx::Error) -> bool {
        matches!(error, sqlx::Error::Io(_))
    }

    fn verdict(_: &sqlx::Error) -> Verdict {
        Verdict::Maybe
    }

    async fn query(&self, nonce: i64, at: &At) -> sqlx::Result<i64> {
        at.now(Phase::Query);
        sqlx::query_scalar("SELECT $1::int8").bind(nonce).fetch_one(&self.0).await
    }

    async fn insert(&self, group: i64, at: &At) -> sqlx::Result<bool> {
        at.now(Phase::Insert);
        Ok(sqlx::query(INSERT).bind(group).bind(0).execute(&self.0).await?.rows_affected() == 1)
    }

    async fn insert_returning(&self, group: i64, at: &At) -> sqlx::Result<bool> {
        at.now(Phase::InsertReturning);
        let insert = sqlx::query_scalar("INSERT INTO stored VALUES ($1, 7, 'r') RETURNING grp").bind(group);
        let written: i64 = insert.fetch_one(&self.0).await?;
        Ok(written == group)
    }

    async fn insert_many(&self, group: i64, count: usize, at: &At) -> sqlx::Result<u64> {
        at.now(Phase::InsertMany);
        let insert = "INSERT INTO stored SELECT $1, i, 'm' FROM generate_series(1, $2) i";
        let count = i32::try_from(count).unwrap();
        Ok(sqlx::query(insert).bind(group).bind(count).execute(&self.0).await?.rows_affected())
    }

    async fn change(&self, change: Change, id: i64, value: i64, at: &At) -> sqlx::Result<Answer> {
        at.now(match change {
            Change::Upsert => Phase::Upsert,
            Change::Update => Phase::Update,
            Change::Patch => Phase::Patch,
        });
        let change = match change {
            Change::Upsert => {
                "INSERT INTO kept VALUES ($1, $2, 0) ON CONFLICT (id) DO UPDATE SET value = excluded.value"
            }
            Change::Update | Change::Patch => "UPDATE kept SET value = $2 WHERE id = $1",
        };
        Ok(Answer::from(sqlx::query(change).bind(id).bind(value).execute(&self.0).await?.rows_affected() == 1))
    }

    async fn find(&self, at: &At) -> sqlx::Result<bool> {
        at.now(Phase::Find);
        let ids: Vec<i32> =
            sqlx::query_scalar("SELECT id FROM big WHERE id < 100 ORDER BY id").fetch_all(&self.0).await?;
        Ok(ids.len() == 100)
    }

    async fn transaction(&self, group: i64, end: End, also: Also, at: &At) -> sqlx::Result<bool> {
        at.now(Phase::Begin);
        let mut tx = self.0.begin().await?;
        at.now(Phase::InTransaction);
        let mut affected = 0;
        for id in 0..3 {
            affected += sqlx::query(INSERT).bind(group).bind(id).execute(&mut *tx).await?.rows_affected();
        }
        match also {
            Also::Nothing => {}
            Also::Load => {
                at.now(Phase::CopyInTransaction);
                let mut copy = tx.copy_in_raw("COPY stored FROM STDIN").await?;
                copy.send(text(group, COPIED, 10).into_bytes()).await?;
                affected += copy.finish().await?;
            }
            Also::Savepoints => {
                at.now(Phase::Savepoint);
                let mut part = Acquire::begin(&mut *tx).await?;
                affected += sqlx::query(INSERT).bind(group).bind(3).execute(&mut *part).await?.rows_affected();
                part.commit().await?;
            }
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
        Ok(affected == 3 + also.rows().unsigned_abs())
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

    async fn chunks(&self, nonce: i64, at: &At) -> sqlx::Result<bool> {
        at.now(Phase::Chunks);
        Ok(sqlx::query(SERIES).bind(nonce).fetch_all(&self.0).await?.len() == 500)
    }

    async fn further(&self, phase: Phase, _: i64, _: i64, _: &At) -> sqlx::Result<Answer> {
        unreachable!("{phase:?} is none of its phases")
    }
}
