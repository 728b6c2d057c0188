use pgrepo::{Db, ErrorKind};

use super::{Line, stored, table};

#[pgrepo::test]
async fn a_dropped_savepoint_is_rolled_back_before_whatever_comes_next(db: Db) {
    table(&db).await;
    let insert = "INSERT INTO t VALUES ($1)";
    let mut tx = db.begin().await.unwrap();
    tx.query(insert).bind(1_i64).execute().await.unwrap();
    let mut outer = tx.begin_savepoint().await.unwrap();
    outer.query(insert).bind(2_i64).execute().await.unwrap();
    let mut inner = outer.begin_savepoint().await.unwrap();
    inner.query(insert).bind(3_i64).execute().await.unwrap();
    drop(inner);
    // A statement, a savepoint, a load, a lock: each sees it gone.
    assert_eq!(outer.query("SELECT count(*) FROM t").fetch_val::<i64>().await.unwrap(), 2);
    for next in 0..4_i64 {
        let mut part = outer.begin_savepoint().await.unwrap();
        part.query(insert).bind(10 + next).execute().await.unwrap();
        drop(part);
        match next {
            0 => outer.begin_savepoint().await.unwrap().release().await.unwrap(),
            1 => drop(outer.repository::<Line>().copy_in([Line { id: 4 }]).await.unwrap()),
            2 => outer.advisory_lock(1).await.unwrap(),
            _ => drop(outer.execute_all([pgrepo::Statement::new("SELECT 1")]).await.unwrap()),
        }
        let ids: Vec<i64> = outer.query("SELECT id FROM t WHERE id >= 10").fetch_all().await.unwrap();
        assert!(ids.is_empty(), "{next}: {ids:?}");
    }
    // The connection is not lent raw while something is left to be undone.
    drop(outer.begin_savepoint().await.unwrap());
    assert_eq!(outer.raw().unwrap_err().kind(), ErrorKind::Transaction);
    outer.release().await.unwrap();
    // At the end of the transaction too.
    let mut last = tx.begin_savepoint().await.unwrap();
    last.query(insert).bind(5_i64).execute().await.unwrap();
    drop(last);
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await, [1, 2, 4]);

    // One that failed, and those in it, are gone with the one around them.
    let mut tx = db.begin().await.unwrap();
    let mut outer = tx.begin_savepoint().await.unwrap();
    let mut inner = outer.begin_savepoint().await.unwrap();
    inner.query(insert).bind(1_i64).execute().await.unwrap_err();
    drop(inner);
    drop(outer);
    tx.query(insert).bind(6_i64).execute().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await, [1, 2, 4, 6]);
}

#[pgrepo::test]
async fn a_savepoint_whose_failure_was_swallowed_is_rolled_back_and_says_so(db: Db) {
    table(&db).await;
    let mut tx = db.begin().await.unwrap();
    tx.repository::<Line>().insert(Line { id: 1 }).await.unwrap();
    let kept = tx.savepoint(async |tx| {
        tx.repository::<Line>().insert(Line { id: 2 }).await?;
        let _swallowed = tx.query("SELECT 1 / 0").execute().await;
        Ok::<_, pgrepo::Error>(())
    });
    let error = kept.await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Transaction, Some("release")), "{error:?}");
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await, [1]);
}

#[pgrepo::test]
async fn a_load_that_the_server_refuses_at_once_leaves_the_transaction_usable(db: Db) {
    table(&db).await;
    let mut tx = db.begin().await.unwrap();
    tx.repository::<Line>().insert(Line { id: 1 }).await.unwrap();
    let error = tx.repository::<Line>().in_schema("nowhere").copy_in([Line { id: 2 }]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await, [1]);
}
