//! What is run again by itself, and what is not.

use std::error::Error as _;
use std::future::Future;
use std::time::Duration;

use futures_util::TryStreamExt;
use pgrepo::testkit::{Ending, TestDatabase};
use pgrepo::{Db, DbConfig, ErrorKind, FaultClass, PgTable, RetryConfig};

use super::cancel::{NAME, gone, set_up};
use crate::support::{Direct, LONG, process_gone, proxy, serves};

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "t")]
struct Line {
    #[pg(primary_key)]
    id: i64,
    pad: String,
}

/// A pool straight to the server, whose repetitions do not wait long.
async fn pool(url: &str, max: usize, change: impl FnOnce(&mut DbConfig)) -> Db {
    let mut config = DbConfig::from_url(url).unwrap().with_max_connections(max);
    NAME.clone_into(&mut config.application_name);
    config.acquire_timeout = LONG;
    config.retry.first_delay = Duration::from_millis(1);
    config.retry.reserve = 100;
    change(&mut config);
    Db::connect(config).await.unwrap()
}

/// Ends all sessions that the pool has now, the control connection's among them.
async fn terminate(direct: &mut Direct) {
    let pids = direct
        .one::<Vec<i32>>(&format!(
            "SELECT coalesce(array_agg(pid), '{{}}') FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name LIKE '{NAME}%'"
        ))
        .await;
    for pid in pids {
        direct.run(&format!("SELECT pg_terminate_backend({pid})")).await;
        direct.within(LONG, "the session is gone", &gone(pid)).await;
    }
}

/// Makes all connections that a pool of three may have, and ends their sessions.
async fn all_idle_and_ended(db: &Db, direct: &mut Direct) {
    serves(db, 3).await;
    terminate(direct).await;
}

#[pgrepo::test]
async fn fault_13_idle_sessions_that_were_terminated_are_not_seen(db: TestDatabase) {
    let (mut direct, ours) = (Direct::to(&db).await, pool(&db.tcp_url(), 3, |_| ()).await);
    direct
        .run("CREATE TABLE t (id int8 PRIMARY KEY, pad text NOT NULL); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        .await;
    let lines = ours.repository::<Line>();
    let one = Line { id: 1, pad: "a".to_owned() };
    let both = vec![one.clone(), Line { id: 2, pad: "b".to_owned() }];
    all_idle_and_ended(&ours, &mut direct).await;
    assert_eq!(lines.all().order_by(Line::ID.asc()).fetch_all().await.unwrap(), both);
    all_idle_and_ended(&ours, &mut direct).await;
    assert_eq!(lines.get(1).await.unwrap(), Some(one.clone()));
    all_idle_and_ended(&ours, &mut direct).await;
    assert_eq!(lines.get_many([2, 1]).await.unwrap(), [Some(both[1].clone()), Some(one.clone())]);
    all_idle_and_ended(&ours, &mut direct).await;
    assert_eq!(lines.all().count().await.unwrap(), 2);
    all_idle_and_ended(&ours, &mut direct).await;
    assert!(lines.find(Line::ID.eq(2)).exists().await.unwrap());
    all_idle_and_ended(&ours, &mut direct).await;
    assert_eq!(lines.all().order_by(Line::ID.asc()).values(Line::ID).fetch_all().await.unwrap(), [1, 2]);
    all_idle_and_ended(&ours, &mut direct).await;
    let rows: Vec<Line> = lines.all().order_by(Line::ID.asc()).stream().await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows, both);
    all_idle_and_ended(&ours, &mut direct).await;
    let rows: Vec<Line> = lines.copy_out().await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows, both);
    all_idle_and_ended(&ours, &mut direct).await;
    let sum: i64 = ours.query("SELECT sum(id)::int8 FROM t").idempotent().fetch_val().await.unwrap();
    assert_eq!(sum, 3);
    all_idle_and_ended(&ours, &mut direct).await;
    assert_eq!(ours.query("UPDATE t SET pad = pad").idempotent().execute().await.unwrap(), 2);
    all_idle_and_ended(&ours, &mut direct).await;
    let mut tx = ours.begin().await.unwrap();
    assert_eq!(tx.repository::<Line>().all().count().await.unwrap(), 2);
    tx.commit().await.unwrap();
    serves(&ours, 3).await;
    direct.at_rest(NAME, 3).await;
}

/// What the session had prepared needs no word of the server's before it is run.
#[pgrepo::test]
async fn fault_13_nor_are_those_on_which_the_statement_was_prepared(db: TestDatabase) {
    let (mut direct, ours) = (Direct::to(&db).await, pool(&db.tcp_url(), 1, |_| ()).await);
    direct.run("CREATE TABLE t (id int8 PRIMARY KEY, pad text NOT NULL); INSERT INTO t VALUES (1, 'a')").await;
    let lines = ours.repository::<Line>();
    let one = Line { id: 1, pad: "a".to_owned() };
    for which in 0..4 {
        // The first time it is prepared on the one session, which is ended before the second time.
        for _ in 0..2 {
            match which {
                0 => assert_eq!(lines.all().fetch_all().await.unwrap(), std::slice::from_ref(&one)),
                1 => assert_eq!(lines.get(1).await.unwrap(), Some(one.clone())),
                2 => assert_eq!(lines.all().count().await.unwrap(), 1),
                _ => {
                    let rows = lines.all().stream().await.unwrap();
                    assert_eq!(rows.try_collect::<Vec<Line>>().await.unwrap(), std::slice::from_ref(&one));
                }
            }
            terminate(&mut direct).await;
        }
    }
    // A write that could not be prepared was not sent, so it is on another connection.
    const MORE: &str = "UPDATE t SET pad = pad || 'b'";
    assert_eq!(ours.query(MORE).execute().await.unwrap(), 1);
    // One that was prepared before may have been run: it is not repeated, and says so.
    terminate(&mut direct).await;
    let error = ours.query(MORE).execute().await.unwrap_err();
    assert_eq!((error.fault_class(), error.attempts()), (FaultClass::Indeterminate, 1));
    assert_eq!(direct.one::<String>("SELECT pad FROM t").await, "ab");
    // Nor is one in a transaction, or where nothing is to be repeated.
    let mut tx = ours.begin().await.unwrap();
    terminate(&mut direct).await;
    let error = tx.query("UPDATE t SET pad = pad || 'c'").execute().await.unwrap_err();
    assert_eq!((error.fault_class(), error.attempts()), (FaultClass::RolledBack, 1), "{error:?}");
    drop(tx);
    let off = pool(&db.tcp_url(), 1, |config| config.retry = RetryConfig::off()).await;
    terminate(&mut direct).await;
    let error = off.query(MORE).execute().await.unwrap_err();
    assert_eq!((error.fault_class(), error.attempts()), (FaultClass::RolledBack, 1), "{error:?}");
    assert_eq!(direct.one::<String>("SELECT pad FROM t").await, "ab");
}

/// A socket that the server has closed takes nothing any more, and says so: nothing was run.
#[pgrepo::test]
async fn fault_13_a_write_that_a_closed_socket_did_not_take_is_known_to_have_had_no_effect(db: TestDatabase) {
    let (mut direct, ours) = (Direct::to(&db).await, pool(&db.url(), 1, |_| ()).await);
    direct.run("CREATE TABLE t (id int8 PRIMARY KEY, pad text NOT NULL); INSERT INTO t VALUES (1, 'a')").await;
    const MORE: &str = "UPDATE t SET pad = pad || 'b'";
    ours.query(MORE).execute().await.unwrap();
    let end = async |direct: &mut Direct, pid: i32| {
        direct.run(&format!("SELECT pg_terminate_backend({pid})")).await;
        process_gone(pid).await;
    };
    let used: i32 = ours.query("SELECT pg_backend_pid()").fetch_val().await.unwrap();
    end(&mut direct, used).await;
    let error = ours.query(MORE).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class()), (ErrorKind::Connection, FaultClass::RolledBack), "{error:?}");
    assert!(error.is_retryable());
    // So is a COMMIT, without anybody being asked.
    let mut tx = ours.begin().await.unwrap();
    tx.query(MORE).execute().await.unwrap();
    let used: i32 = tx.query("SELECT pg_backend_pid()").fetch_val().await.unwrap();
    end(&mut direct, used).await;
    let error = tx.commit().await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class()), (ErrorKind::Transaction, FaultClass::RolledBack), "{error:?}");
    assert_eq!(direct.one::<String>("SELECT pad FROM t").await, "ab");
    assert_eq!(ours.query(MORE).execute().await.unwrap(), 1);
}

/// Runs `work` until one of its sessions waits for a lock, ends the session, and lets go of the lock.
async fn ended_while_it_waits<F>(db: &TestDatabase, direct: &mut Direct, lock: &str, work: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let mut holder = Direct::to(db).await;
    holder.run(&format!("BEGIN; {lock}")).await;
    let work = tokio::spawn(work);
    let waits = format!(
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
         WHERE NOT l.granted AND a.application_name = '{NAME}' AND a.datname = current_database())"
    );
    direct.within(LONG, "it waits for the lock", &waits).await;
    terminate(direct).await;
    holder.run("ROLLBACK").await;
    work.await.unwrap()
}

#[pgrepo::test]
async fn fault_13_a_read_whose_session_is_terminated_is_run_again(db: TestDatabase) {
    let (mut direct, ours) = (Direct::to(&db).await, pool(&db.tcp_url(), 2, |_| ()).await);
    direct.run("CREATE TABLE t (id int8 PRIMARY KEY, pad text NOT NULL)").await;
    direct.run("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 3) g").await;
    const LOCKED: &str = "LOCK TABLE t";
    for _ in 0..2 {
        let clone = ours.clone();
        let find = async move { clone.repository::<Line>().all().fetch_all().await.unwrap().len() };
        assert_eq!(ended_while_it_waits(&db, &mut direct, LOCKED, find).await, 3);
        let clone = ours.clone();
        let copy = async move {
            let rows: Vec<Line> = clone.repository::<Line>().copy_out().await.unwrap().try_collect().await.unwrap();
            rows.len()
        };
        assert_eq!(ended_while_it_waits(&db, &mut direct, LOCKED, copy).await, 3);
    }
    // Rows that have arrived and were not handed out are thrown away, so none comes twice.
    const ADVISORY: &str = "SELECT pg_advisory_xact_lock(1)";
    const LATE: &str = "SELECT g FROM generate_series(1, 20000) g \
                        WHERE g < 20000 OR pg_advisory_xact_lock_shared(1) IS NOT NULL";
    let clone = ours.clone();
    let all = async move { clone.query(LATE).idempotent().fetch_all::<i32>().await };
    let rows = ended_while_it_waits(&db, &mut direct, ADVISORY, all).await.unwrap();
    assert_eq!(rows, (1..=20_000).collect::<Vec<i32>>());
    // A stream that has handed out a row does not begin again.
    let clone = ours.clone();
    let stream = async move {
        let mut rows = clone.query(LATE).idempotent().stream::<i32>().await.unwrap();
        let mut seen = Vec::new();
        loop {
            match rows.next().await {
                Ok(Some(row)) => seen.push(row),
                Ok(None) => panic!("the stream began again, and ended after {} rows", seen.len()),
                Err(error) => return (seen, error),
            }
        }
    };
    let (seen, error) = ended_while_it_waits(&db, &mut direct, ADVISORY, stream).await;
    assert!(!seen.is_empty() && seen.iter().copied().eq(1..=i32::try_from(seen.len()).unwrap()));
    assert_eq!((error.fault_class(), error.attempts()), (FaultClass::Indeterminate, 1));
    // What is not declared to be idempotent is not run again, and nothing in a transaction is.
    let clone = ours.clone();
    let undeclared = async move { clone.query(LATE).fetch_all::<i32>().await.unwrap_err() };
    let error = ended_while_it_waits(&db, &mut direct, ADVISORY, undeclared).await;
    assert_eq!((error.fault_class(), error.attempts()), (FaultClass::Indeterminate, 1));
    assert!(!error.is_retryable(), "{error:?}");
    let mut tx = ours.begin().await.unwrap();
    let inside = async move { tx.repository::<Line>().all().fetch_all().await.unwrap_err() };
    let error = ended_while_it_waits(&db, &mut direct, LOCKED, inside).await;
    assert_eq!((error.fault_class(), error.attempts()), (FaultClass::RolledBack, 1));
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

#[pgrepo::test]
async fn fault_18_connections_that_are_closed_at_once_are_tried_again_and_then_told(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run("CREATE TABLE t (id int8 PRIMARY KEY, pad text NOT NULL)").await;
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), 2, |_| ()).await;
    let before = proxy.counts().connections;
    proxy.close_new(true);
    proxy.end_all(Ending::Close);
    let error = ours.repository::<Line>().all().fetch_all().await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class(), error.attempts()), (ErrorKind::Connection, FaultClass::NotSent, 5));
    assert!(error.source().is_some() && format!("{error:?}").contains("given up after 5 attempts"), "{error:?}");
    // One of the five was on the connection that had been there; to end its session the control connection was tried too.
    let tried = proxy.counts().connections - before;
    assert!(tried == 4 || tried == 5, "{tried}");
    let error = ours.repository::<Line>().insert(Line { id: 1, pad: String::new() }).await.unwrap_err();
    assert_eq!((error.fault_class(), error.attempts()), (FaultClass::NotSent, 5), "{error:?}");
    let error = ours.begin().await.unwrap_err();
    assert_eq!((error.fault_class(), error.attempts()), (FaultClass::NotSent, 5), "{error:?}");
    proxy.close_new(false);
    assert_eq!(ours.repository::<Line>().all().count().await.unwrap(), 0);
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

/// An outage makes of each call 1.2 attempts at most, and of all of them no more than the reserve on top.
#[pgrepo::test]
async fn fault_18_an_outage_is_not_made_worse_by_repeating_everything(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), 2, |config| {
        config.retry = RetryConfig { first_delay: Duration::ZERO, reserve: 3, ..RetryConfig::default() }
    })
    .await;
    proxy.close_new(true);
    proxy.end_all(Ending::Close);
    let before = proxy.counts().connections;
    for _ in 0..100 {
        ours.query("SELECT 1").idempotent().fetch_val::<i32>().await.unwrap_err();
    }
    let tried = proxy.counts().connections - before;
    assert!(tried > 100 && tried <= 100 + 20 + 3, "{tried}");
}

#[pgrepo::test]
async fn fault_23_a_lock_that_is_not_available_is_waited_for_again_and_then_told(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run("CREATE TABLE t (id int8 PRIMARY KEY, pad text NOT NULL)").await;
    direct.run(&format!("ALTER DATABASE \"{}\" SET lock_timeout = '50ms'", db.name())).await;
    let ours = pool(&db.tcp_url(), 1, |config| config.retry.attempts = 4).await;
    let mut holder = Direct::to(&db).await;
    holder.run("SET lock_timeout = 0; BEGIN; LOCK TABLE t").await;
    let error = ours.repository::<Line>().all().fetch_all().await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class(), error.attempts()), (ErrorKind::Timeout, FaultClass::RolledBack, 4));
    assert!(error.is_lock_timeout() && error.is_timeout() && error.is_retryable(), "{error:?}");
    // Let go between two attempts, it is read.
    let ours_too = ours.clone();
    let reading = tokio::spawn(async move { ours_too.repository::<Line>().all().count().await });
    let begun = format!("FROM pg_stat_activity WHERE application_name = '{NAME}' AND wait_event_type = 'Lock'");
    direct.within(LONG, "it waits", &format!("SELECT EXISTS (SELECT {begun})")).await;
    holder.run("ROLLBACK").await;
    assert_eq!(reading.await.unwrap().unwrap(), 0);
    serves(&ours, 1).await;
    direct.at_rest(NAME, 1).await;
}

#[pgrepo::test]
async fn fault_23_a_statement_that_took_too_long_is_not_run_again(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(&format!("ALTER DATABASE \"{}\" SET statement_timeout = '50ms'", db.name())).await;
    let ours = pool(&db.tcp_url(), 1, |_| ()).await;
    let error = ours.query("SELECT 1 FROM pg_sleep(60)").idempotent().fetch_all::<i32>().await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class(), error.attempts()), (ErrorKind::Timeout, FaultClass::Fatal, 1));
    assert!(error.is_cancelled() && error.is_timeout() && !error.is_lock_timeout() && !error.is_retryable());
    serves(&ours, 1).await;
}

#[pgrepo::test]
async fn nothing_is_run_again_where_that_is_switched_off(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db, 1).await;
    drop(ours);
    let ours = pool(&proxy.url(db.name()), 1, |config| config.retry = RetryConfig::off()).await;
    serves(&ours, 1).await;
    terminate(&mut direct).await;
    let error = ours.query("SELECT 1").idempotent().fetch_val::<i32>().await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    serves(&ours, 1).await;
}
