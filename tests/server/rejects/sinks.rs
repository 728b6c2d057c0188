//! Who takes the rejects.

use std::error::Error as _;

use pgrepo::{Commit, Db, ErrorKind, PgTable, Rejected};

use super::{Kind, Parcel, parcel, set_up, stored};

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
    assert_eq!((report.loaded, report.rejected), (8, 2));
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
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Rejected<Parcel>>(1);
    let read = async {
        let mut told = Vec::new();
        while let Some(reject) = receiver.recv().await {
            told.push(reject.index);
        }
        told
    };
    let (report, told) = tokio::join!(parcels.load(ten()).batch_rows(4).to_channel(sender), read);
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
    assert_eq!((report.loaded, report.rejected), (8, 2));
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
