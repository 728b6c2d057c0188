use pgrepo::ErrorKind;
use pgrepo::testkit::TestDatabase;

use crate::support::{Direct, LONG, pool};

#[pgrepo::test]
async fn the_server_sees_so_many_at_once_and_health_gets_in(own: TestDatabase) {
    let mut direct = Direct::to(&own).await;
    direct.run("SELECT pg_advisory_lock(7)").await;
    let db = pool(&own.url(), "fan", 3).await;
    let wait = |i: i64| {
        let sql = "SELECT $1::int8 FROM (SELECT pg_advisory_xact_lock_shared(7)) AS waited";
        db.query(sql).bind(i).fetch_one::<i64>()
    };
    let values = tokio::spawn({
        let db = db.clone();
        async move {
            let sql = "SELECT $1::int8 FROM (SELECT pg_advisory_xact_lock_shared(7)) AS waited";
            let work = (0..12_i64).map(|i| db.query(sql).bind(i).fetch_one::<i64>());
            db.concurrent(50).each(work).await
        }
    });
    let waiting =
        "SELECT count(*) = 3 FROM pg_stat_activity WHERE application_name = 'fan' AND wait_event = 'advisory'";
    direct.within(LONG, "three wait", waiting).await;
    db.ping().await.unwrap();
    direct.run("SELECT pg_advisory_unlock(7)").await;
    assert_eq!(values.await.unwrap().unwrap(), (0..12).collect::<Vec<_>>());

    // The pool makes a connection only where none is idle: two of its ten were in use at the peak, and no more.
    let wide = pool(&own.url(), "wide", 10).await;
    let one = || wide.query("SELECT 1::int8").fetch_one::<i64>();
    let list = wide.query("SELECT generate_series(1, 3)").fetch_all::<i32>();
    let bad = wide.query("SELECT nothing").fetch_one::<i64>();
    let (a, b, c, d) = wide.concurrent(2).settle((one(), list, bad, one())).await;
    assert_eq!((a.unwrap(), b.unwrap(), d.unwrap()), (1, vec![1, 2, 3], 1));
    assert_eq!(c.unwrap_err().kind(), ErrorKind::Query);
    assert_eq!(direct.sessions("wide").await, 2);
    assert_eq!(db.concurrent(2).all((wait(1), async { Ok("x") })).await.unwrap(), (1, "x"));
    wide.close();
    assert_eq!(wide.ping().await.unwrap_err().kind(), ErrorKind::Connection);
}
