//! Who takes the rejects.

use std::error::Error as _;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt, stream};
use pgrepo::testkit::TestDatabase;
use pgrepo::{Commit, Db, ErrorKind, PgTable, Rejected, RowError, SourceError};

use super::{Kind, PARCEL, Parcel, parcel, received, set_up, stored};
use crate::support::{Direct, LONG, pool};

/// Ten rows, of which 3 and 7 are bad.
fn ten() -> Vec<Parcel> {
    let mut rows: Vec<Parcel> = (0..10).map(parcel).collect();
    let good = rows[0].clone();
    Kind::Nul.spoil(&mut rows[3], &good);
    Kind::Check.spoil(&mut rows[7], &good);
    rows
}

#[pgrepo::test]
async fn a_callback_takes_them_in_order_and_can_end_the_load(db: Db) {
    set_up(&db).await;
    let parcels = db.repository::<Parcel>();
    let mut told = Vec::new();
    let take = |reject: Rejected<Parcel>| {
        told.push((reject.index, reject.row.unwrap().id));
        Ok::<_, std::io::Error>(())
    };
    let report = parcels.load(ten()).to_sink(take).await.unwrap();
    assert_eq!((report.rows, report.rejected), (8, 2));
    assert_eq!(told, [(3, 3), (7, 7)]);
    db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();

    for (commit, left) in [(Commit::Whole, vec![]), (Commit::EachBatch, vec![0, 1, 2, 4])] {
        let refuse = |_| Err("the file is full");
        let error = parcels.load(ten()).batch_rows(5).commit(commit).to_sink(refuse).await.unwrap_err();
        assert_eq!((error.kind(), error.row()), (ErrorKind::Copy, Some(3)), "{error:?}");
        assert_eq!(error.source().unwrap().to_string(), "the file is full");
        assert_eq!(error.committed().unwrap().rows, left.len() as u64);
        assert_eq!(stored(&db).await, left);
    }
}

#[pgrepo::test]
async fn a_channel_takes_them_as_fast_as_it_is_read(db: Db) {
    set_up(&db).await;
    let parcels = db.repository::<Parcel>();
    let (sender, receiver) = tokio::sync::mpsc::channel::<Rejected<Parcel>>(1);
    let (report, told) = tokio::join!(parcels.load(ten()).batch_rows(4).to_channel(sender), received(receiver));
    assert_eq!((report.unwrap().rejected, told), (2, vec![3, 7]));
    db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();

    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    drop(receiver);
    let error = parcels.load(ten()).to_channel(sender).await.unwrap_err();
    assert!(error.to_string().contains("the channel's receiver is gone"), "{error}");
    assert!(stored(&db).await.is_empty());
}

type Line = (String, i64, Option<String>, Option<String>, Option<String>, Option<String>, String, serde_json::Value);

async fn written(db: &Db) -> Vec<Line> {
    let sql = "SELECT table_name, row_index, field, column_name, constraint_name, sqlstate, message, document \
               FROM bad.rejects ORDER BY row_index";
    db.query(sql).fetch_all().await.unwrap()
}

#[pgrepo::test]
async fn a_table_is_made_and_written_with_the_batch(db: Db) {
    set_up(&db).await;
    db.execute_script("CREATE SCHEMA bad").await.unwrap();
    let parcels = db.repository::<Parcel>();
    let report = parcels.load(ten()).batch_rows(4).to_table(("bad", "rejects")).await.unwrap();
    assert_eq!((report.rows, report.rejected), (8, 2));
    let lines = written(&db).await;
    assert_eq!(lines.len(), 2);
    let (table, index, field, column, constraint, state, message, document) = &lines[0];
    assert_eq!((&**table, *index, field.as_deref(), column.as_deref()), ("parcel", 3, Some("doc"), Some("doc")));
    assert_eq!((constraint, state.as_deref()), (&None, Some("22P05")));
    assert_eq!(message, "unsupported Unicode escape sequence");
    // What jsonb refused is in the document as it was.
    assert_eq!(document["doc"]["a"], "\0");
    assert_eq!((lines[1].1, lines[1].4.as_deref()), (7, Some("parcel_amount_check")));

    // What is undone takes its rejects with it.
    let more = ten().into_iter().map(|row| Parcel { id: row.id + 10, code: format!("d{}", row.id), slot: None, ..row });
    let more: Vec<Parcel> = more.map(|row| Parcel { rank: row.rank + 10, ..row }).collect();
    parcels.load(more.clone()).max_rejects(1).to_table(("bad", "rejects")).await.unwrap_err();
    assert_eq!(written(&db).await.len(), 2);
    let load = parcels.load(more).batch_rows(5).commit(Commit::EachBatch).max_rejects(1);
    let error = load.to_table(("bad", "rejects")).await.unwrap_err();
    assert_eq!(error.committed().unwrap().settled, 5, "{error}");
    assert_eq!(written(&db).await.len(), 3);
}

#[pgrepo::test]
async fn a_table_that_does_not_fit_is_named(db: Db) {
    set_up(&db).await;
    db.execute_script("CREATE TABLE rejects (id int8)").await.unwrap();
    let error = db.repository::<Parcel>().load(ten()).to_table("rejects").await.unwrap_err();
    assert_eq!((error.table(), error.sqlstate().unwrap().as_str()), (Some("rejects"), "42703"), "{error:?}");
    assert!(stored(&db).await.is_empty());
    let error = db.repository::<Parcel>().load(ten()).to_table("a\0b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert_eq!(Parcel::TABLE.name, "parcel");
}

#[pgrepo::test]
async fn two_loads_that_make_the_table_at_once(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(PARCEL).await;
    let ours = pool(&db.url(), "both", 2).await;
    let first = ours.repository::<Parcel>().load(ten()).to_table("rejects");
    // It has made the table already, and nobody else can see it.
    direct
        .run(
            "BEGIN; CREATE TABLE rejects (table_name text, row_index int8, line int8, field text, column_name text, \
                constraint_name text, sqlstate text, message text, document json)",
        )
        .await;
    let waits =
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'both' AND wait_event_type = 'Lock')";
    let mut watch = Direct::to(&db).await;
    let (report, ()) = tokio::join!(first, async {
        watch.within(LONG, "the load waits for the other one", waits).await;
        direct.run("COMMIT").await;
    });
    assert_eq!(report.unwrap().rejected, 2);
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM rejects").await, 2);
}

#[pgrepo::test]
async fn rows_that_cannot_be_made_do_not_gather_before_the_first_good_one(db: Db) {
    set_up(&db).await;
    let parcels = db.repository::<Parcel>();
    let told = AtomicU64::new(0);
    let take = |_: Rejected<Parcel>| {
        told.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(())
    };
    let rows = stream::iter((0..35).map(|nth| {
        let before = told.load(Ordering::Relaxed);
        assert!(nth >= 30 || before == nth / 10 * 10, "{before} are told before row {nth}");
        if nth < 30 { Err(RowError::new("no row")) } else { Ok(parcel(i64::try_from(nth).unwrap())) }
    }));
    let load = parcels.load_try_stream(rows).batch_rows(10).max_reject_share(1.0);
    let report = load.to_sink(take).await.unwrap();
    assert_eq!((report.rows, report.rejected, report.batches), (5, 30, 4), "{report:?}");

    // What was told is settled, where each batch is.
    for (commit, settled) in [(Commit::Whole, 0), (Commit::EachBatch, 20)] {
        let rows = stream::iter((0..35).map(|_| Err::<Parcel, _>(RowError::new("no row"))));
        let refuse = |reject: Rejected<Parcel>| if reject.index < 15 { Ok(()) } else { Err("the file is full") };
        let load = parcels.load_try_stream(rows).batch_rows(10).commit(commit);
        let error = load.to_sink(refuse).await.unwrap_err();
        let committed = error.committed().unwrap();
        assert_eq!((committed.rows, committed.rejected, committed.settled), (0, settled, settled), "{error}");
    }
    // A source without any row ends the load by the share.
    let endless = || stream::iter((0_u64..).map(|_| Err::<Parcel, _>(RowError::new("no row"))));
    let load = parcels.load_try_stream(endless()).max_reject_share(0.5).time_limit(LONG);
    let error = load.collect().await.unwrap_err();
    assert!(error.to_string().contains("20000 of 20000 rows were rejected, a larger share than 0.5"), "{error}");
    let load = parcels.load_try_stream(endless()).max_reject_share(0.5).time_limit(LONG);
    let error = load.to_table("rejects").await.unwrap_err();
    assert!(error.to_string().contains("a larger share than 0.5"), "{error}");
}

/// The rejects before the first good row are in their table a batchful at a time, and a load that fails leaves none.
#[pgrepo::test]
async fn rows_that_cannot_be_made_are_written_before_the_first_good_one(db: Db) {
    set_up(&db).await;
    let parcels = db.repository::<Parcel>();
    db.execute_script(
        "CREATE TABLE rejects (table_name text, row_index int8, line int8, field text, column_name text, \
        constraint_name text, sqlstate text, message text, document json)",
    )
    .await
    .unwrap();
    let source = |good: i64| {
        let db = &db;
        stream::iter(0..35 + good).then(move |nth| async move {
            // So many are committed by then, where each batch is.
            let there: i64 = db.query("SELECT count(*) FROM rejects").fetch_one().await.unwrap();
            match nth {
                35.. => Ok(parcel(nth)),
                _ if there == nth / 10 * 10 => Err(SourceError::from(RowError::new("no row"))),
                _ => Err(SourceError::end(format!("{there} are written at row {nth}"))),
            }
        })
    };
    for good in [5, 0] {
        let load = parcels.load_try_stream(source(good)).batch_rows(10).commit(Commit::EachBatch);
        let report = load.to_table("rejects").await.unwrap();
        assert_eq!((i64::try_from(report.rows).unwrap(), report.rejected, report.batches), (good, 35, 4), "{report:?}");
        let indices = "SELECT count(DISTINCT row_index), max(row_index), count(*) FROM rejects";
        assert_eq!(db.query(indices).fetch_one::<(i64, i64, i64)>().await.unwrap(), (35, 34, 35));
        db.execute_script("TRUNCATE rejects; DELETE FROM parcel WHERE id >= 0").await.unwrap();
    }
    // As a whole, and in a transaction.
    let rows = |end: bool| {
        let bad = (0..35).map(|_| Err(SourceError::from(RowError::new("no row"))));
        let last = if end { Err(SourceError::end("the disk is gone")) } else { Ok(parcel(1)) };
        stream::iter(bad.chain([last]).collect::<Vec<_>>())
    };
    let count = "SELECT count(*) FROM rejects";
    let error = parcels.load_try_stream(rows(true)).batch_rows(10).to_table("rejects").await.unwrap_err();
    assert!(error.committed().is_some_and(|committed| committed.settled == 0), "{error:?}");
    assert_eq!(db.query(count).fetch_one::<i64>().await.unwrap(), 0);
    let mut tx = db.begin().await.unwrap();
    let load = tx.repository::<Parcel>().load_try_stream(rows(true)).batch_rows(10);
    load.to_table("rejects").await.unwrap_err();
    assert_eq!(tx.query(count).fetch_one::<i64>().await.unwrap(), 0, "the transaction goes on");
    let load = tx.repository::<Parcel>().load_try_stream(rows(false)).batch_rows(10);
    assert_eq!(load.to_table("rejects").await.unwrap().rejected, 35);
    tx.commit().await.unwrap();
    let report = parcels.load_try_stream(rows(false)).batch_rows(10).to_table("rejects").await.unwrap();
    assert_eq!((report.rows, report.rejected), (0, 36), "the key is there by now");
    assert_eq!(db.query(count).fetch_one::<i64>().await.unwrap(), 35 + 36);
}

/// Rows that cannot be made or encoded are counted as they come, and not at the end of their batch.
#[pgrepo::test]
async fn one_reject_too_many_ends_the_load_at_once(db: Db) {
    set_up(&db).await;
    for unmade in [true, false] {
        let taken = AtomicU64::new(0);
        let rows = stream::iter(0..10_000).map(|id| {
            taken.fetch_add(1, Ordering::Relaxed);
            match id {
                0 => Ok(parcel(0)),
                _ if unmade => Err(RowError::new("no row")),
                id => Ok(Parcel { label: "a\0b".to_owned(), ..parcel(id) }),
            }
        });
        let error = db.repository::<Parcel>().load_try_stream(rows).max_rejects(5).collect().await.unwrap_err();
        assert_eq!((error.row(), taken.load(Ordering::Relaxed)), (Some(6), 7), "{error:?}");
        assert!(error.to_string().contains("more than 5 rows were rejected"), "{error}");
    }
    assert!(stored(&db).await.is_empty());
}
