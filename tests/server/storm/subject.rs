//! The storm's operations, on pgrepo and on plain sqlx.

use std::fmt::Debug;
use std::future::Future;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use pgrepo::{CopyInOptions, Db, ErrorKind, FaultClass, PgTable};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Acquire, ConnectOptions, Row};

use super::operation::{ALL, Also, Answer, COPIED, End};
use super::phase::{At, Phase};
use super::verdict::Verdict;

/// What the storm blows on.
pub(crate) trait Subject: Clone + Send + Sync + 'static {
    /// What its sessions are called on the server.
    const NAME: &'static str;
    type Error: Debug + Send;

    /// Whether an error is one that a broken connection may end in.
    fn is_of_the_network(error: &Self::Error) -> bool;
    /// What an error says about the operation's effect.
    fn verdict(error: &Self::Error) -> Verdict;

    fn query(&self, nonce: i64, at: &At) -> impl Future<Output = Result<i64, Self::Error>> + Send;
    fn insert(&self, group: i64, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn insert_returning(&self, group: i64, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn insert_many(&self, group: i64, rows: usize, at: &At) -> impl Future<Output = Result<u64, Self::Error>> + Send;
    /// Changes a row of `kept`.
    fn change(
        &self,
        change: Change,
        id: i64,
        value: i64,
        at: &At,
    ) -> impl Future<Output = Result<Answer, Self::Error>> + Send;
    fn find(&self, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    /// Three rows, and what there is also.
    fn transaction(
        &self,
        group: i64,
        end: End,
        also: Also,
        at: &At,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;
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
    fn chunks(&self, nonce: i64, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
}

/// How a row of `kept` is changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Upsert,
    /// Read, and written over if it still has the version that was read.
    Update,
    Patch,
}

#[derive(Debug, Clone, PgTable)]
#[pg(table = "kept")]
struct Kept {
    #[pg(primary_key)]
    id: i64,
    value: i64,
    #[pg(version)]
    version: i32,
}

#[derive(Debug, Clone, PgTable)]
#[pg(table = "stored")]
pub(crate) struct Stored {
    pub(crate) grp: i64,
    pub(crate) id: i32,
    pub(crate) pad: String,
}

#[derive(Debug, PgTable)]
#[pg(table = "big")]
struct Big {
    grp: i64,
    id: i32,
    pad: String,
}

pub(crate) fn rows(group: i64, rows: usize, pad: usize) -> impl Iterator<Item = Stored> {
    (0..rows).map(move |i| Stored { grp: group, id: i32::try_from(i).unwrap(), pad: "y".repeat(pad) })
}

const INSERT: &str = "INSERT INTO stored VALUES ($1, $2, 'z')";
const CHUNK: NonZeroUsize = NonZeroUsize::new(150).unwrap();
const SERIES: &str = "SELECT $1::int8 + i, repeat('s', 500) FROM generate_series(0, 499) i";

impl Subject for Db {
    const NAME: &'static str = "storm";
    type Error = pgrepo::Error;

    fn is_of_the_network(error: &pgrepo::Error) -> bool {
        use FaultClass::*;
        // A COMMIT that was not answered is a transaction's, a load that is known to have been undone a COPY's.
        let kind = matches!(error.kind(), ErrorKind::Connection | ErrorKind::Transaction | ErrorKind::Copy);
        kind && matches!(error.fault_class(), NotSent | RolledBack | Indeterminate) && error.server().is_none()
    }

    fn verdict(error: &pgrepo::Error) -> Verdict {
        if error.fault_class() == FaultClass::Indeterminate { Verdict::Maybe } else { Verdict::Never }
    }

    async fn query(&self, nonce: i64, at: &At) -> pgrepo::Result<i64> {
        at.now(Phase::Query);
        Db::query(self, "SELECT $1::int8").bind(nonce).fetch_one().await
    }

    async fn insert(&self, group: i64, at: &At) -> pgrepo::Result<bool> {
        at.now(Phase::Insert);
        Ok(Db::query(self, INSERT).bind(group).bind(0).execute().await? == 1)
    }

    async fn insert_returning(&self, group: i64, at: &At) -> pgrepo::Result<bool> {
        at.now(Phase::InsertReturning);
        let row = self.repository::<Stored>().insert(Stored { grp: group, id: 7, pad: "r".to_owned() }).await?;
        Ok((row.grp, row.id, &*row.pad) == (group, 7, "r"))
    }

    async fn insert_many(&self, group: i64, count: usize, at: &At) -> pgrepo::Result<u64> {
        at.now(Phase::InsertMany);
        self.repository::<Stored>().insert_many(rows(group, count, 10)).await
    }

    async fn change(&self, change: Change, id: i64, value: i64, at: &At) -> pgrepo::Result<Answer> {
        let kept = self.repository::<Kept>();
        match change {
            Change::Upsert => {
                at.now(Phase::Upsert);
                let done = kept.upsert(Kept { id, value, version: 0 }).await?;
                Ok(Answer::from((done.row.id, done.row.value) == (id, value)))
            }
            Change::Update => {
                at.now(Phase::Find);
                let Some(mut row) = kept.get(id).await? else { return Ok(Answer::Wrong) };
                row.value = value;
                at.now(Phase::Update);
                match kept.update(&row).await {
                    Ok(done) => Ok(Answer::from(done.is_some_and(|done| (done.id, done.value) == (id, value)))),
                    // One that was dropped before has been written after all.
                    Err(error) if error.kind() == ErrorKind::Conflict => Ok(Answer::Nothing),
                    Err(error) => Err(error),
                }
            }
            Change::Patch => {
                at.now(Phase::Patch);
                kept.patch(id, [Kept::VALUE.set(value)]).await.map(Answer::from)
            }
        }
    }

    async fn find(&self, at: &At) -> pgrepo::Result<bool> {
        at.now(Phase::Find);
        let rows = self.repository::<Big>().find(Big::ID.lt(100)).order_by(Big::ID.asc()).fetch_all().await?;
        Ok(rows.len() == 100 && rows.iter().zip(0..).all(|(row, id)| row.id == id))
    }

    async fn transaction(&self, group: i64, end: End, also: Also, at: &At) -> pgrepo::Result<bool> {
        at.now(Phase::Begin);
        let mut tx = self.begin().await?;
        at.now(Phase::InTransaction);
        let mut affected = 0;
        for id in 0..3 {
            affected += tx.query(INSERT).bind(group).bind(id).execute().await?;
        }
        match also {
            // What a lost COMMIT is found out about by.
            Also::Nothing => drop(tx.id().await?),
            Also::Load => {
                at.now(Phase::CopyInTransaction);
                affected += tx.repository::<Stored>().copy_in(rows(group, COPIED, 10)).await?.rows;
            }
            Also::Savepoints => {
                at.now(Phase::Savepoint);
                for keep in [true, false] {
                    let mut part = tx.begin_savepoint().await?;
                    let inserted = part.query(INSERT).bind(group).bind(3).execute().await?;
                    if keep {
                        affected += inserted;
                        part.release().await?;
                    } else {
                        part.rollback().await?;
                    }
                }
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

    async fn chunks(&self, nonce: i64, at: &At) -> pgrepo::Result<bool> {
        at.now(Phase::Chunks);
        let mut chunks = Db::query(self, SERIES).bind(nonce).stream::<(i64, String)>().await?.chunks(CHUNK);
        let mut count = 0;
        while let Some(chunk) = chunks.next_chunk().await? {
            if chunk.iter().zip(nonce + count..).any(|((number, _), wanted)| *number != wanted) {
                return Ok(false);
            }
            count += i64::try_from(chunk.len()).unwrap();
        }
        Ok(count == 500)
    }
}

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
}
