//! Connections that may not be used again.

use pgrepo::testkit::TestDatabase;

use super::cancel::{NAME, TABLE, gone, pid, set_up};
use crate::support::{Direct, LONG, pool, serves};

#[pgrepo::test]
async fn fault_27_a_connection_lent_raw_is_not_used_again(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    let used = pid(&ours).await;
    let mut raw = ours.raw().await.unwrap();
    sqlx::raw_sql("BEGIN; SET search_path = nowhere").execute(&mut *raw).await.unwrap();
    drop(raw);
    let next = pid(&ours).await;
    assert_ne!(next, used);
    ours.query("INSERT INTO t VALUES (1, 'x')").execute().await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 1);
    // Nor one that a transaction lent, however the transaction ends.
    for end in ["commit", "rollback", "drop"] {
        let used = pid(&ours).await;
        let mut tx = ours.begin().await.unwrap();
        sqlx::raw_sql("SET search_path = nowhere").execute(tx.raw().unwrap()).await.unwrap();
        match end {
            "commit" => tx.commit().await.unwrap(),
            "rollback" => tx.rollback().await.unwrap(),
            _ => drop(tx),
        }
        assert_ne!(pid(&ours).await, used, "{end}");
        direct.within(LONG, "the session is gone", &gone(used)).await;
    }
    direct.at_rest(NAME, 1).await;
}

/// A pool outlives the runtime that its connections were made on.
#[test]
fn a_connection_whose_runtime_has_shut_down_is_not_handed_on() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lasting = runtime();
    let db = lasting.block_on(TestDatabase::create(TABLE)).unwrap();
    let first = runtime();
    let (ours, tx) = first.block_on(async {
        let ours = pool(&db.tcp_url(), NAME, 1).await;
        let mut tx = ours.begin().await.unwrap();
        tx.query("INSERT INTO t VALUES (1, 'x')").execute().await.unwrap();
        (ours, tx)
    });
    drop(first);
    drop(tx);
    lasting.block_on(async {
        let mut direct = Direct::to(&db).await;
        ours.query("INSERT INTO t VALUES (2, 'x')").execute().await.unwrap();
        assert_eq!(direct.one::<i64>("SELECT sum(id)::int8 FROM t").await, 2);
        serves(&ours, 1).await;
        direct.at_rest(NAME, 1).await;
        drop(ours);
        db.close().await.unwrap();
    });
}
