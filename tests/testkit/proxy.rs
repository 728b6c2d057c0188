use std::time::{Duration, Instant};

use pgrepo::testkit::{Cut, Ending, Message, Proxy, TestDatabase};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use crate::support::{connect, one, run};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

async fn proxy(db: &TestDatabase) -> Proxy {
    Proxy::start(db.server()).await.expect("a proxy")
}

fn is_reset(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionReset)
}

#[pgrepo::test(server = "private")]
async fn it_forwards_and_counts(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut connection = connect(&proxy.url(db.name())).await;
    assert_eq!(one::<String>(&mut connection, "SELECT current_database()::text").await, db.name());
    run(&mut connection, "SELECT 1").await;
    let counts = proxy.counts();
    assert_eq!((counts.connections, counts.open), (1, 1));
    assert_eq!((counts.messages(0), counts.messages(b'Q'), counts.messages(b'P')), (1, 1, 1));
    assert!(counts.to_server > 50 && counts.to_client > 100, "{counts:?}");
    connection.close().await.expect("an end");
    let deadline = Instant::now() + LONG;
    while proxy.counts().open > 0 {
        assert!(Instant::now() < deadline, "the connection stays open");
        tokio::task::yield_now().await;
    }
    assert_eq!(proxy.counts().messages(b'X'), 1);
    assert_eq!(proxy.counts().endings(), 0);
}

#[pgrepo::test(server = "private")]
async fn latency_delays_and_does_not_throttle(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut connection = connect(&proxy.url(db.name())).await;
    proxy.latency_each(Duration::from_millis(20), Duration::from_millis(30));
    let start = Instant::now();
    run(&mut connection, "SELECT 1").await;
    let trip = start.elapsed();
    assert!(trip >= Duration::from_millis(50) && trip < Duration::from_millis(200), "{trip:?}");
    // 32 MB are some 500 chunks: one after the other they would take 15 s.
    let start = Instant::now();
    let size = one::<String>(&mut connection, "SELECT repeat('x', 32000000)").await.len();
    assert_eq!(size, 32_000_000);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    proxy.heal();
    let start = Instant::now();
    run(&mut connection, "SELECT 1").await;
    assert!(start.elapsed() < Duration::from_millis(50));
}

#[pgrepo::test(server = "private")]
async fn a_millisecond_is_a_millisecond(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut connection = connect(&proxy.url(db.name())).await;
    proxy.latency(Duration::from_millis(1));
    let mut trips = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        run(&mut connection, "SELECT 1").await;
        trips.push(start.elapsed());
    }
    trips.sort();
    assert!(trips[0] >= Duration::from_millis(2), "{trips:?}");
    assert!(trips[25] < Duration::from_millis(12), "{trips:?}");
}

#[pgrepo::test(server = "private")]
async fn a_black_hole_swallows_until_it_ends(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let url = proxy.url(db.name());
    let mut connection = connect(&url).await;
    proxy.black_hole(true);
    {
        let query = one::<i32>(&mut connection, "SELECT 42");
        let mut query = std::pin::pin!(query);
        timeout(SHORT, &mut query).await.expect_err("no answer");
        let connecting = PgConnection::connect(&url);
        let mut connecting = std::pin::pin!(connecting);
        timeout(SHORT, &mut connecting).await.expect_err("no answer");
        assert_eq!(proxy.counts().connections, 2, "it is accepted all the same");
        proxy.black_hole(false);
        assert_eq!(timeout(LONG, query).await.expect("an answer"), 42);
        timeout(LONG, connecting).await.expect("an answer").expect("a connection");
    }
    assert_eq!(one::<i32>(&mut connection, "SELECT 43").await, 43);
}

#[pgrepo::test(server = "private")]
async fn a_black_hole_hides_the_clients_end(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut connection = connect(&proxy.url(db.name())).await;
    let pid: i32 = one(&mut connection, "SELECT pg_backend_pid()").await;
    let mut watcher = connect(&db.url()).await;
    proxy.black_hole(true);
    drop(connection);
    tokio::time::sleep(SHORT).await;
    assert!(is_session(&mut watcher, pid).await);
    proxy.black_hole(false);
    gone(&mut watcher, pid).await;
}

async fn is_session(watcher: &mut PgConnection, pid: i32) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)")
        .bind(pid)
        .fetch_one(watcher)
        .await
        .expect("the sessions")
}

async fn gone(watcher: &mut PgConnection, pid: i32) {
    let deadline = Instant::now() + LONG;
    while is_session(watcher, pid).await {
        assert!(Instant::now() < deadline, "the session stays");
    }
}

#[pgrepo::test(server = "private")]
async fn all_are_ended_as_ordered(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut watcher = connect(&db.url()).await;
    for ending in [Ending::Reset, Ending::Close] {
        let mut connection = connect(&proxy.url(db.name())).await;
        let pid: i32 = one(&mut connection, "SELECT pg_backend_pid()").await;
        let asleep = sqlx::raw_sql("SELECT pg_sleep(0.2)").execute(&mut connection);
        let mut asleep = std::pin::pin!(asleep);
        timeout(Duration::from_millis(50), &mut asleep).await.expect_err("it sleeps");
        assert_eq!(proxy.end_all(ending), 1);
        let error = timeout(LONG, asleep).await.expect("an end").expect_err("no answer");
        assert_eq!(is_reset(&error), ending == Ending::Reset, "{ending:?}: {error}");
        gone(&mut watcher, pid).await;
    }
    assert_eq!(proxy.counts().endings_after(b'Q'), 2);
}

#[pgrepo::test(server = "private")]
async fn silence_ends_nothing(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut connection = connect(&proxy.url(db.name())).await;
    assert_eq!(proxy.end_all(Ending::Silence), 1);
    timeout(SHORT, connection.ping()).await.expect_err("no answer");
    let mut other = connect(&proxy.url(db.name())).await;
    assert_eq!(one::<i32>(&mut other, "SELECT 1").await, 1);
}

#[pgrepo::test(server = "private")]
async fn slices_arrive_whole(db: TestDatabase) {
    let proxy = proxy(&db).await;
    proxy.slice(Some(3));
    let mut connection = connect(&proxy.url(db.name())).await;
    let text = one::<String>(&mut connection, "SELECT string_agg(i::text, ',') FROM generate_series(1, 3000) i").await;
    assert_eq!(text, (1..=3000).map(|i: i32| i.to_string()).collect::<Vec<_>>().join(","));
    let echoed: String =
        sqlx::query_scalar("SELECT $1::text").bind(&text).fetch_one(&mut connection).await.expect("an echo");
    assert_eq!(echoed, text);
}

#[pgrepo::test(server = "private")]
async fn new_connections_are_closed(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut old = connect(&proxy.url(db.name())).await;
    proxy.close_new(true);
    let refused = timeout(LONG, PgConnection::connect(&proxy.url(db.name()))).await;
    assert!(matches!(refused.expect("an end"), Err(sqlx::Error::Io(_))));
    assert_eq!(one::<i32>(&mut old, "SELECT 1").await, 1);
    proxy.heal();
    connect(&proxy.url(db.name())).await;
    assert_eq!(proxy.counts().connections, 3);
}

#[pgrepo::test(server = "private")]
async fn every_nth_reply_is_slow(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut connection = connect(&proxy.url(db.name())).await;
    proxy.slow_replies(4, Some(Duration::from_millis(150)));
    let mut slow = 0;
    for _ in 0..8 {
        let start = Instant::now();
        run(&mut connection, "SELECT 1").await;
        slow += u32::from(start.elapsed() >= Duration::from_millis(150));
    }
    assert_eq!(slow, 2);
}

/// Commits once through the proxy; returns what the client saw, and how many rows there are.
async fn commit(proxy: &Proxy, db: &TestDatabase) -> (Result<(), sqlx::Error>, i64) {
    let mut connection = connect(&proxy.url(db.name())).await;
    run(&mut connection, "BEGIN").await;
    run(&mut connection, "INSERT INTO t VALUES (1)").await;
    let result = timeout(LONG, sqlx::raw_sql("COMMIT").execute(&mut connection)).await.expect("an end");
    let mut direct = connect(&db.url()).await;
    (result.map(drop), one(&mut direct, "SELECT count(*) FROM t").await)
}

#[pgrepo::test(server = "private", setup = "testkit/slow_commit.sql")]
async fn a_commit_is_cut_before_or_after_it_is_forwarded(db: TestDatabase) {
    let proxy = proxy(&db).await;
    proxy.cut(Cut::before(Message::Sql("COMMIT".into())));
    let (result, rows) = commit(&proxy, &db).await;
    assert!(is_reset(&result.expect_err("it was cut")));
    assert_eq!(rows, 0);
    assert_eq!(proxy.counts().endings_after(b'Q'), 1);

    let (result, rows) = commit(&proxy, &db).await;
    result.expect("a cut strikes once");
    assert_eq!(rows, 1);

    proxy.cut(Cut { nth: 2, ..Cut::after(Message::Sql("commit".into())) });
    let (result, rows) = commit(&proxy, &db).await;
    result.expect("this is the first");
    assert_eq!(rows, 2);
    let (result, rows) = commit(&proxy, &db).await;
    assert!(is_reset(&result.expect_err("its answer is lost")));
    assert_eq!(rows, 3);
}

#[pgrepo::test(server = "private", sql = "CREATE TABLE t (id int)")]
async fn a_prepared_commit_is_known_too(db: TestDatabase) {
    let proxy = proxy(&db).await;
    proxy.cut(Cut { ending: Ending::Close, ..Cut::after(Message::Sql("COMMIT".into())) });
    let mut connection = connect(&proxy.url(db.name())).await;
    run(&mut connection, "BEGIN; INSERT INTO t VALUES (1)").await;
    sqlx::query("COMMIT").execute(&mut connection).await.expect_err("its answer is lost");
    assert_eq!(one::<i64>(&mut connect(&db.url()).await, "SELECT count(*) FROM t").await, 1);
    assert_eq!(proxy.counts().endings_after(b'E'), 1);
}

#[pgrepo::test(server = "private", sql = "CREATE TABLE t (id int)")]
async fn a_copy_is_cut_at_its_nth_piece(db: TestDatabase) {
    let proxy = proxy(&db).await;
    proxy.cut(Cut { nth: 3, ending: Ending::Silence, ..Cut::before(Message::Type(b'd')) });
    let mut connection = connect(&proxy.url(db.name())).await;
    let mut copy = connection.copy_in_raw("COPY t FROM STDIN").await.expect("a COPY");
    for _ in 0..5 {
        // What the client writes is buffered on the way, so it may not see the cut at once.
        if copy.send(&b"1\n"[..]).await.is_err() {
            break;
        }
    }
    timeout(SHORT, copy.finish()).await.expect_err("no answer");
    assert_eq!(proxy.counts().messages(b'd'), 2);
    assert_eq!(proxy.counts().endings_after(b'd'), 1);
}

#[pgrepo::test(server = "private")]
async fn every_nth_is_struck_when_repeated(db: TestDatabase) {
    let proxy = proxy(&db).await;
    proxy.cut(Cut { nth: 3, repeat: true, ..Cut::before(Message::Type(b'Q')) });
    let mut lost = 0;
    let mut connection = connect(&proxy.url(db.name())).await;
    for _ in 0..9 {
        if sqlx::raw_sql("SELECT 1").execute(&mut connection).await.is_err() {
            lost += 1;
            connection = connect(&proxy.url(db.name())).await;
        }
    }
    assert_eq!((lost, proxy.counts().endings(), proxy.counts().messages(b'Q')), (3, 3, 6));
}

#[tokio::test]
async fn it_outlives_a_restart_and_goes_with_its_value() {
    let server = crate::support::private_server().await;
    let proxy = Proxy::start(&server).await.expect("a proxy");
    let url = proxy.url("postgres");
    connect(&url).await;
    server.stop(pgrepo::testkit::StopMode::Immediate).await.expect("a stop");
    PgConnection::connect(&url).await.expect_err("there is no server");
    server.start_again().await.expect("a start");
    let mut connection = connect(&url).await;
    drop(proxy);
    timeout(LONG, connection.ping()).await.expect("an end").expect_err("the proxy is gone");
}
