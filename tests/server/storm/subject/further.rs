//! What pgrepo has beside: each is one phase.

use std::num::NonZeroUsize;

use futures_util::TryStreamExt;
use pgrepo::{CopyFormat, Db, Statement, TxOptions, Value};

use super::super::phase::{At, Phase};
use super::{Big, Doc, INSERT, Kept, Paper, Spare, Stored, rows};

const PAGE: NonZeroUsize = NonZeroUsize::new(40).unwrap();

/// The rows of `kept` that a worker changes by the many, and those that it merges.
fn own(first: i64, worker: i64, value: i64) -> [Kept; 3] {
    [0, 1, 2].map(|n| Kept { id: first + 3 * worker + n, value, version: 0 })
}

/// Runs an operation; true if its answer is right.
pub(super) async fn run(db: &Db, phase: Phase, worker: i64, number: i64, at: &At) -> pgrepo::Result<bool> {
    let (kept, spare) = (db.repository::<Kept>(), db.repository::<Spare>());
    // Rows to be deleted come first, in a phase of theirs.
    let ids = [0, 1, 2].map(|n| 3 * number + n);
    match phase {
        Phase::Delete => {
            at.now(Phase::Insert);
            db.repository::<Spare>().insert(Spare { id: ids[0], grp: number }).await?;
        }
        Phase::DeleteMany => {
            at.now(Phase::InsertMany);
            db.repository::<Spare>().insert_many(ids.map(|id| Spare { id, grp: number })).await?;
        }
        _ => {}
    }
    at.now(phase);
    match phase {
        Phase::Delete => match number % 3 {
            0 => spare.delete(ids[0]).await,
            1 => Ok(spare.delete_where(Spare::ID.eq(ids[0])).execute().await? == 1),
            _ => Ok(spare.delete_where(Spare::GRP.eq(number)).fetch_all().await?.len() == 1),
        },
        Phase::DeleteMany => match number % 3 {
            0 => Ok(spare.delete_many(ids).execute().await?.deleted == 3),
            1 => Ok(spare.delete_many(ids).fetch_all().await?.iter().flatten().count() == 3),
            _ => Ok(spare.delete_many(ids).tolerant().collect().await?.0.deleted == 3),
        },
        Phase::UpdateWhere => {
            let update = kept.update_where(Kept::ID.eq(worker)).set(Kept::VALUE.set(number));
            match number % 2 {
                0 => Ok(update.execute().await? == 1),
                _ => Ok(update.fetch_all().await?.iter().all(|row| row.value == number)),
            }
        }
        Phase::UpdateMany => {
            let update = kept.update_many(own(24, worker, number));
            match number % 2 {
                0 => Ok(update.execute().await?.updated == 3),
                _ => {
                    Ok(update.fetch_all().await?.iter().flatten().filter(|done| done.row.value == number).count() == 3)
                }
            }
        }
        Phase::Merge => {
            let merge = kept.merge(own(1_000, worker, number));
            match number % 3 {
                0 => merge.execute().await.map(|report| report.inserted + report.updated == 3),
                1 => {
                    // Of two rows with the same key the second one is bad.
                    let twice =
                        own(1_000, worker, number).into_iter().chain(own(1_000, worker, number).into_iter().take(1));
                    let (report, rejects) = kept.merge(twice).tolerant().collect().await?;
                    Ok((report.inserted + report.updated, rejects.len()) == (3, 1))
                }
                _ => Ok(merge.fetch_all().await?.iter().filter(|done| done.row.value == number).count() == 3),
            }
        }
        Phase::InsertNew => {
            Ok(kept.insert_new(Kept { id: 1_000_000 + number, value: number, version: 0 }).await?.is_some())
        }
        Phase::InsertManyNew => {
            Ok(kept.insert_many_new(own(1_000_000_000 + 3 * number, 0, number)).await? == [true; 3])
        }
        Phase::Read => read(db, number).await,
        Phase::Pages => {
            let all = || db.repository::<Kept>().find(Kept::ID.lt(100)).order_by(Kept::ID.desc()).pages(PAGE);
            match number % 2 {
                0 => Ok(all().stream().try_collect::<Vec<_>>().await?.len() == 100),
                _ => {
                    let first = all().fetch_page().await?;
                    let second = all().after(first.next).fetch_page().await?;
                    Ok(first.rows.iter().chain(&second.rows).map(|row| row.id).eq((20..100).rev()))
                }
            }
        }
        Phase::Script => {
            let insert = format!("INSERT INTO stored VALUES ({number}, 0, 's')");
            db.execute_script(&format!("{insert}; {insert}")).await?;
            Ok(true)
        }
        Phase::CopyRecords => {
            let rows = (0..3).map(|i| [Value::from(number), Value::from(i), Value::from("v")]);
            Ok(db.copy_records("stored", &["grp", "id", "pad"], rows).await?.rows == 3)
        }
        Phase::InsertJson => {
            let others = [("id", Value::from(1_000 + number)), ("value", Value::from(number))];
            Ok(db.insert_json("papers", "doc", &Doc { edits: 0 }, others).await? == 1)
        }
        Phase::EditJson => {
            let edit = Paper::DOC.at(Doc::EDITS).increment(1);
            db.repository::<Paper>().patch(worker, [Paper::VALUE.set(number), edit]).await
        }
        Phase::ExecuteAll => {
            let insert = |id: i32| Statement::new(INSERT).bind(number).bind(id);
            match number % 2 {
                0 => Ok(db.execute_all([insert(0), insert(1)]).await? == [1, 1]),
                _ => Ok(db.execute_each([insert(0), insert(1)]).await?.iter().all(|one| matches!(one, Ok(1)))),
            }
        }
        Phase::Closure => {
            let closure = db.transaction(async |tx| {
                tx.query(INSERT).bind(number).bind(0).execute().await?;
                tx.savepoint(async |tx| tx.query(INSERT).bind(number).bind(1).execute().await).await
            });
            Ok(closure.await? == 1)
        }
        Phase::RetriedClosure => {
            let closure = db.transaction_with(TxOptions::default(), async |tx| {
                tx.query(INSERT).bind(number).bind(0).execute().await?;
                tx.advisory_lock(number).await?;
                tx.query(INSERT).bind(number).bind(1).execute().await
            });
            Ok(closure.await? == 1)
        }
        Phase::Lock => {
            let mut lock = db.advisory_lock(number).await?;
            lock.check().await?;
            lock.unlock().await?;
            Ok(true)
        }
        Phase::Concurrent => {
            let ask = |n: i64| async move { db.query("SELECT $1::int8").bind(n).fetch_val::<i64>().await };
            let answers = db.concurrent(2).each([ask(number), ask(number + 1), ask(number + 2)]).await?;
            Ok(answers == [number, number + 1, number + 2])
        }
        Phase::Load => {
            let (report, rejects) = db.repository::<Stored>().load(rows(number, 5, 10)).batch_rows(2).collect().await?;
            Ok((report.rows, rejects.len()) == (5, 0))
        }
        Phase::CopyOutRaw => {
            let mut bytes = Vec::new();
            let report = match number % 2 {
                0 => db.repository::<Big>().copy_out_raw(&CopyFormat::csv(), &mut bytes).await?,
                _ => {
                    let find = db.repository::<Big>().find(Big::ID.ge(0));
                    find.copy_out_raw(&CopyFormat::csv(), &mut bytes).await?
                }
            };
            Ok((report.rows, report.bytes) == (2_000, bytes.len() as u64))
        }
        other => unreachable!("{other:?} has an operation of its own"),
    }
}

async fn read(db: &Db, number: i64) -> pgrepo::Result<bool> {
    let big = || db.repository::<Big>().find(Big::ID.lt(10));
    match number % 10 {
        0 => Ok(db.repository::<Kept>().get_many([1_i64, 0, -1]).await?.iter().flatten().count() == 2),
        1 => Ok(big().count().await? == 10),
        2 => big().exists().await,
        3 => Ok(big().max(Big::ID).await? == Some(9)),
        4 => Ok(big().sum(Big::ID).await? == Some(45)),
        5 => Ok(big().values(Big::ID).fetch_all().await?.len() == 10),
        6 => Ok(big().order_by(Big::ID.asc()).fetch_first().await?.is_some_and(|row| row.id == 0)),
        7 => Ok(big().explain().await?.contains("big")),
        8 => db.ping().await.map(|took| !took.is_zero()),
        _ => Ok(db.query_json("papers", "doc", "$.edits ? (@ >= $value)", 0).await?.len() >= 100),
    }
}

/// How many rows of its group are there when it took effect.
pub(crate) fn stores(phase: Phase) -> i64 {
    match phase {
        Phase::Delete | Phase::UpdateWhere | Phase::InsertNew | Phase::InsertJson | Phase::EditJson => 1,
        Phase::Script | Phase::ExecuteAll | Phase::Closure | Phase::RetriedClosure => 2,
        Phase::DeleteMany | Phase::UpdateMany | Phase::Merge | Phase::InsertManyNew | Phase::CopyRecords => 3,
        Phase::Load => 5,
        _ => 0,
    }
}

/// A paper for each worker.
pub(crate) const PAPERS: &str = "CREATE TABLE papers (id int8 PRIMARY KEY, value int8 NOT NULL, doc jsonb NOT NULL); \
    INSERT INTO papers SELECT i, 0, '{\"edits\": 0}' FROM generate_series(0, 99) i; \
    CREATE TRIGGER keep AFTER INSERT OR UPDATE ON papers FOR EACH ROW EXECUTE FUNCTION keep(); \
    CREATE TABLE spare (id int8 PRIMARY KEY, grp int8 NOT NULL); \
    CREATE FUNCTION deleted() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN INSERT INTO stored VALUES (OLD.grp, 0, 'd'); RETURN OLD; END $$; \
    CREATE TRIGGER deleted AFTER DELETE ON spare FOR EACH ROW EXECUTE FUNCTION deleted()";
