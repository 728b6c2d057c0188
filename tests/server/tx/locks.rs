use std::time::Duration;

use pgrepo::testkit::TestDatabase;
use pgrepo::{AdvisoryKey, Db, ErrorKind};
use tokio::time::timeout;

use crate::support::{Direct, LONG, pool, proxy, serves};

#[pgrepo::test]
async fn a_lock_of_a_transaction_ends_with_it_or_with_its_savepoint(db: Db) {
    let keys = [AdvisoryKey::from(i64::MIN), AdvisoryKey::from((i32::MIN, -1))];
    for key in keys {
        let (mut one, mut two) = (db.begin().await.unwrap(), db.begin().await.unwrap());
        one.advisory_lock(key).await.unwrap();
        assert!(one.try_advisory_lock(key).await.unwrap(), "again by the same");
        assert!(!two.try_advisory_lock(key).await.unwrap());
        assert!(!two.try_advisory_lock_shared(key).await.unwrap());
        one.commit().await.unwrap();
        two.advisory_lock_shared(key).await.unwrap();
        let mut three = db.begin().await.unwrap();
        assert!(three.try_advisory_lock_shared(key).await.unwrap());
        assert!(!three.try_advisory_lock(key).await.unwrap());
        two.rollback().await.unwrap();
        three.rollback().await.unwrap();
        let (mut one, mut two) = (db.begin().await.unwrap(), db.begin().await.unwrap());
        let mut part = one.begin_savepoint().await.unwrap();
        part.advisory_lock(key).await.unwrap();
        part.rollback().await.unwrap();
        assert!(two.try_advisory_lock(key).await.unwrap());
    }
    // The two kinds of keys never meet.
    let (mut one, mut two) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    one.advisory_lock(1_i64 << 32 | 2).await.unwrap();
    assert!(two.try_advisory_lock((1, 2)).await.unwrap());
}

#[pgrepo::test]
async fn a_lock_of_a_session_ends_with_its_guard(db: TestDatabase) {
    const NAME: &str = "locks";
    let mut direct = Direct::to(&db).await;
    let proxy = proxy(&db).await;
    proxy.latency(Duration::from_millis(1));
    let ours = pool(&proxy.url(db.name()), NAME, 2).await;
    // Of other databases' locks nothing is asked.
    let free = "SELECT NOT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database \
                WHERE locktype = 'advisory' AND datname = current_database())";

    let mut lock = ours.advisory_lock(7).await.unwrap();
    assert_eq!(lock.key(), AdvisoryKey::One(7));
    assert!(ours.try_advisory_lock(7).await.unwrap().is_none());
    assert!(ours.try_advisory_lock_shared(7).await.unwrap().is_none());
    lock.check().await.unwrap();
    lock.unlock().await.unwrap();
    let made = proxy.counts().connections;
    assert!(direct.one::<bool>(free).await);
    let shared = ours.advisory_lock_shared(7).await.unwrap();
    let beside = ours.try_advisory_lock_shared(7).await.unwrap().expect("shared");
    shared.unlock().await.unwrap();
    beside.unlock().await.unwrap();
    assert_eq!(proxy.counts().connections, made, "the connections went back");

    drop(ours.advisory_lock((1, 2)).await.unwrap());
    direct.within(LONG, "the lock is gone", free).await;

    // One that waits is dropped: it neither holds nor waits any more.
    let lock = ours.advisory_lock(7).await.unwrap();
    timeout(Duration::from_millis(50), ours.advisory_lock(7)).await.unwrap_err();
    direct.within(LONG, "nobody waits", "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted)").await;
    lock.unlock().await.unwrap();
    assert!(direct.one::<bool>(free).await);

    // Its session is ended: that is seen when it is asked for.
    let mut lock = ours.advisory_lock(7).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database \
               WHERE locktype = 'advisory' AND datname = current_database()";
    direct.run(end).await;
    direct.within(LONG, "the lock is gone", free).await;
    assert_eq!(lock.check().await.unwrap_err().kind(), ErrorKind::Connection);
    assert_eq!(lock.check().await.unwrap_err().kind(), ErrorKind::Connection);
    assert_eq!(lock.unlock().await.unwrap_err().kind(), ErrorKind::Connection);
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}
