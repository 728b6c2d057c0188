//! Networks that fall silent, deadlines, connections that are refused.

use std::error::Error;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pgrepo::testkit::{Cut, Ending, Message, Server, ServerOptions, TestDatabase};
use pgrepo::{Db, ErrorKind, WithDeadline};
use tokio::time::timeout;

use super::cancel::{NAME, gone, pid, set_up};
use crate::support::{Direct, LONG, config, pool, proxy, serves};

/// What a promise of a second or less is given on top: the tests run beside others on few processors.
const SLACK: Duration = Duration::from_secs(4);
const SECOND: Duration = Duration::from_secs(1);

async fn sleep(db: &Db) -> pgrepo::Result<String> {
    db.query("SELECT pg_sleep(60)::text").fetch_one().await
}

#[pgrepo::test]
async fn fault_10_what_a_deadline_gives_up_ends_on_the_server_and_harms_nobody(db: TestDatabase) {
    let (ours, mut direct, _proxy) = set_up(&db, 1).await;
    let asleep = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%')";
    for round in 0..20_i64 {
        let used = pid(&ours).await;
        let begun = Instant::now();
        let error = sleep(&ours).with_deadline(Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("the deadline of 50ms passed"), "{error}");
        assert!(begun.elapsed() < SECOND + SLACK);
        // The word that ends it comes late: it must not hit who comes next.
        let answer: i64 = ours.query("SELECT $1::int8 FROM pg_sleep(0.02)").bind(round).fetch_one().await.unwrap();
        assert_eq!(answer, round);
        direct.within(SECOND + SLACK, "the query is gone", asleep).await;
        direct.within(SECOND + SLACK, "its session is gone", &gone(used)).await;
    }
    direct.at_rest(NAME, 1).await;
}

#[pgrepo::test]
async fn fault_10_a_deadline_takes_any_error_and_leaves_the_others_alone(db: Db) {
    #[derive(Debug)]
    struct Mine(String);
    impl From<pgrepo::Error> for Mine {
        fn from(error: pgrepo::Error) -> Self {
            Self(error.to_string())
        }
    }
    let task = tokio::spawn(async move {
        let work = async {
            let one: i32 = db.query("SELECT 1").fetch_one().await?;
            Err::<(), Mine>(Mine(format!("mine {one}")))
        };
        let mine = work.with_deadline(LONG).await.unwrap_err();
        let late = async { std::future::pending::<Result<(), Mine>>().await };
        let late = late.with_deadline(Duration::from_millis(1)).await.unwrap_err();
        (mine.0, late.0)
    });
    let (mine, late) = task.await.unwrap();
    assert_eq!(mine, "mine 1");
    assert!(late.contains("1ms"), "{late}");
}

/// Runs queries side by side, each with a deadline, and returns the longest time that one took.
async fn all_give_up(db: &Db, queries: usize, limit: Duration) -> Duration {
    let queries = (0..queries).map(|_| async {
        let begun = Instant::now();
        let error = sleep(db).with_deadline(limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
        begun.elapsed()
    });
    join_all(queries).await.into_iter().max().unwrap()
}

#[pgrepo::test]
async fn fault_16_a_silent_network_keeps_nobody_beyond_the_deadline_and_new_connections_are_used_at_once(
    db: TestDatabase,
) {
    const MAX: usize = 8;
    let limit = Duration::from_millis(400);
    // Whether each connection is asked before it is used, and how many queries give up: one, so that the others idle on.
    for (check, queries) in [(Duration::ZERO, 1), (LONG, 1), (LONG, MAX)] {
        let busy = queries == MAX;
        let proxy = proxy(&db).await;
        let mut config = config(&proxy.url(db.name()), NAME, MAX);
        config.idle_check = check;
        let ours = Db::connect(config).await.unwrap();
        serves(&ours, MAX).await;
        ours.ping().await.unwrap();
        let took = if busy {
            let fall_silent = async {
                tokio::time::sleep(limit / 4).await;
                proxy.black_hole(true);
            };
            futures_util::future::join(all_give_up(&ours, queries, limit), fall_silent).await.0
        } else {
            proxy.black_hole(true);
            all_give_up(&ours, queries, limit).await
        };
        // Promised are 100 ms.
        assert!(took < limit + Duration::from_millis(100) + SLACK, "{took:?}");
        let health = ours.health(limit).await;
        assert!(!health.connected && health.reason.as_ref().is_some_and(pgrepo::Error::is_timeout), "{health:?}");
        // New connections work, those that there are stay silent for ever.
        assert!(proxy.end_all(Ending::Silence) > 0);
        proxy.black_hole(false);
        let served = timeout(SECOND + SLACK, ours.query("SELECT 7").fetch_one::<i32>()).await;
        assert_eq!(served.expect("the pool can be used").unwrap(), 7, "busy: {busy}, check: {check:?}");
        serves(&ours, MAX).await;
        assert!(ours.health(LONG).await.connected);
    }
}

#[pgrepo::test]
async fn fault_16_the_limit_of_statements_holds_without_the_server(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut config = config(&proxy.url(db.name()), NAME, 2);
    config.statement_timeout = Some(Duration::from_millis(300));
    let ours = Db::connect(config).await.unwrap();
    // The server's own word, while it can be heard.
    let error = timeout(LONG, sleep(&ours)).await.unwrap().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().as_str(), "57014", "{error:?}");
    ours.execute_script("CREATE TABLE t (id int8 NOT NULL, pad text NOT NULL)").await.unwrap();

    let mut tx = ours.begin().await.unwrap();
    let mut rows =
        ours.query("SELECT repeat('x', 1000) FROM generate_series(1, 300000)").stream::<String>().await.unwrap();
    rows.next().await.unwrap();
    proxy.black_hole(true);
    let unanswered = |error: pgrepo::Error, what: &str| {
        assert_eq!(error.kind(), ErrorKind::Timeout, "{what}: {error:?}");
        assert!(error.source().unwrap().to_string().contains("within 1.3s"), "{what}: {error:?}");
    };
    let query = timeout(LONG, tx.query("SELECT 1").execute()).await.expect("a query ends");
    unanswered(query.unwrap_err(), "a query");
    let read = async {
        loop {
            if let Err(error) = rows.next().await {
                break error;
            }
        }
    };
    unanswered(timeout(LONG, read).await.expect("a stream ends"), "a stream");
    proxy.heal();
    drop((rows, tx));
    serves(&ours, 2).await;
}

#[pgrepo::test]
async fn fault_16_closing_and_dropping_do_not_wait_for_a_silent_network(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut config = config(&proxy.url(db.name()), NAME, 2);
    config.close_timeout = Duration::from_millis(300);
    let ours = Db::connect(config).await.unwrap();
    serves(&ours, 2).await;
    let task = tokio::spawn({
        let ours = ours.clone();
        async move { sleep(&ours).await }
    });
    while ours.status().in_use == 0 {
        tokio::task::yield_now().await;
    }
    proxy.black_hole(true);
    let begun = Instant::now();
    assert_eq!(ours.close().await, 1, "the query does not end");
    assert!(begun.elapsed() < Duration::from_millis(300) + SLACK, "{:?}", begun.elapsed());
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[pgrepo::test]
async fn fault_18_connections_that_are_accepted_and_closed_are_told_with_their_cause(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), NAME, 2).await;
    let used = ours.begin().await.unwrap();
    proxy.close_new(true);
    let error = timeout(LONG, ours.begin()).await.expect("it is told").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error:?}");
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(Error::source) {
        cause = Some(deeper);
    }
    assert!(cause.is_some_and(|cause| cause.is::<std::io::Error>()), "{error:?}");
    proxy.close_new(false);
    used.rollback().await.unwrap();
    serves(&ours, 2).await;
}

#[tokio::test]
async fn fault_20_a_server_without_a_connection_left_is_told_by_its_code() {
    let options = ServerOptions::private()
        .with_setting("max_connections", "6")
        .with_setting("superuser_reserved_connections", "0")
        .with_setting("max_wal_senders", "0");
    let server = Server::start(options).await.unwrap();
    let ours = pool(&server.url("postgres"), NAME, 20).await;
    let mut held = Vec::new();
    let error = loop {
        match ours.begin().await {
            Ok(tx) => held.push(tx),
            Err(error) => break error,
        }
    };
    assert_eq!(held.len(), 6);
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(error.sqlstate().unwrap().as_str(), "53300");
    assert!(format!("{error:?}").contains("53300"), "{error:?}");
    for tx in held {
        tx.rollback().await.unwrap();
    }
    serves(&ours, 6).await;
    server.shutdown().await.unwrap();
}

#[pgrepo::test]
async fn fault_13_idle_sessions_that_were_ended_are_not_noticed_where_each_is_asked(db: TestDatabase) {
    const MAX: usize = 4;
    let mut direct = Direct::to(&db).await;
    direct.run("CREATE TABLE t (id int8 NOT NULL, pad text NOT NULL)").await;
    let mut config = config(&db.tcp_url(), NAME, MAX);
    config.idle_check = Duration::ZERO;
    let ours = Db::connect(config).await.unwrap();
    for round in 0..5_i64 {
        serves(&ours, MAX).await;
        end_idle(&mut direct).await;
        let insert = ours.query("INSERT INTO t VALUES ($1, 'x')").bind(round);
        let (begun, ran, read) = futures_util::future::join3(ours.begin(), insert.execute(), pid(&ours)).await;
        begun.unwrap().rollback().await.unwrap();
        assert_eq!(ran.unwrap(), 1);
        assert!(read > 0);
    }
    assert!(ours.status().closed_by_silence >= 5, "{:?}", ours.status());
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 5);
}

/// Ends the pool's sessions on the server.
async fn end_idle(direct: &mut Direct) {
    let all = format!("FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{NAME}'");
    direct.run(&format!("SELECT pg_terminate_backend(pid) {all}")).await;
    direct.within(LONG, "they are ended", &format!("SELECT NOT EXISTS (SELECT {all})")).await;
}

#[pgrepo::test]
async fn fault_13_one_operation_at_most_sees_that_idle_sessions_were_ended(db: TestDatabase) {
    const MAX: usize = 6;
    let mut direct = Direct::to(&db).await;
    let mut config = config(&db.tcp_url(), NAME, MAX);
    // None is asked because of its idling.
    config.idle_check = 3 * LONG;
    let ours = Db::connect(config).await.unwrap();
    serves(&ours, MAX).await;
    end_idle(&mut direct).await;
    let mut failed = 0;
    for n in 0..2 * MAX {
        match ours.begin().await {
            Ok(tx) => tx.rollback().await.unwrap(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Connection, "{error:?}");
                failed += 1;
            }
        }
        assert!(failed <= 1, "{failed} of {n}");
    }
    serves(&ours, MAX).await;
}

/// The connection by which sessions are ended may fall silent itself, and so may the next one.
#[pgrepo::test]
async fn fault_16_a_session_ends_although_the_word_that_ends_it_is_lost(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db, 1).await;
    let word = || Message::Sql("SELECT pg_catalog.pg_terminate_backend".to_owned());
    for silences in 1..=2 {
        let used = pid(&ours).await;
        for _ in 0..silences {
            proxy.cut(Cut { ending: Ending::Silence, ..Cut::before(word()) });
        }
        let error = sleep(&ours).with_deadline(Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        direct.within(LONG, "its session is gone", &gone(used)).await;
    }
    serves(&ours, 1).await;
}
