//! pgrepo, as its documentation shows.

use std::num::NonZeroUsize;

use pgrepo::{CopyInOptions, Db, ErrorKind, FaultClass};

use super::super::operation::{ALL, Also, Answer, COPIED, End};
use super::super::phase::{At, PHASES, Phase};
use super::super::verdict::Verdict;
use super::{Big, Change, INSERT, Kept, SERIES, Stored, Subject, further, rows};

const CHUNK: NonZeroUsize = NonZeroUsize::new(150).unwrap();

impl Subject for Db {
    const NAME: &'static str = "storm";
    const PHASES: &'static [Phase] = &PHASES;
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

    async fn further(&self, phase: Phase, worker: i64, number: i64, at: &At) -> pgrepo::Result<Answer> {
        further::run(self, phase, worker, number, at).await.map(Answer::from)
    }
}
