//! The storm must find the faults that sqlx is known for: else it would find none of ours either.

use std::time::Duration;

use pgrepo::testkit::{Proxy, TestDatabase};

use super::blow::{Course, Storm};
use super::operation::{Also, End, Operation};
use super::phase::{At, Phase};
use super::strike::{Strike, Struck};
use super::subject::{Plain, Subject};
use super::weather::Weather;
use super::{MAX, SCHEMA, seed};
use crate::support::{Direct, LONG, proxy};

/// How the storm blows on plain sqlx.
fn course() -> Course {
    Course { weather: Weather::Drops, rounds: 2_000, workers: 10, seed: seed(), deadline: Duration::from_secs(2) }
}

/// The storm's tables, a session past the proxy, and a millisecond of latency.
async fn set_up(db: &TestDatabase) -> (Direct, Proxy) {
    let mut direct = Direct::to(db).await;
    direct.run(SCHEMA).await;
    let proxy = proxy(db).await;
    proxy.latency(Duration::from_millis(1));
    (direct, proxy)
}

/// Ends the sessions that plain sqlx left behind, and with them their locks.
async fn sweep(direct: &mut Direct) {
    let left = format!(
        "FROM pg_stat_activity WHERE application_name = '{}' AND datname = current_database()",
        <Plain as Subject>::NAME
    );
    direct.run(&format!("SELECT pg_terminate_backend(pid) {left}")).await;
    direct.within(LONG, "they are gone", &format!("SELECT NOT EXISTS (SELECT {left})")).await;
}

/// How often everything is tried before a fault counts as not seen.
const TRIES: usize = 20;
/// An operation this small pends less often than that in one phase.
const POLLS: usize = 6;

/// Drops an operation at its first, second, … pending poll in a phase, each time on a new pool of one connection, until
/// `shows` has seen its harm in what the pool does next. True if it has.
async fn strike_until<F>(proxy: &Proxy, db: &TestDatabase, operation: Operation, phase: Phase, shows: F) -> bool
where
    F: AsyncFn(&Storm<Plain>) -> bool,
{
    let mut direct = Direct::to(db).await;
    for (round, left) in (0..TRIES).flat_map(|round| (1..=POLLS).map(move |left| (round, left))) {
        // Each storm numbers its rows from 1.
        direct.run("TRUNCATE stored").await;
        let storm = Storm::new(Plain::connect(&proxy.url(db.name()), 1).await, course(), None);
        storm.check_query().await;
        storm.check_insert(&mut direct).await;
        let seen = std::mem::take(&mut *storm.seen.lock().unwrap());
        assert!(seen.wrong.is_empty() && seen.lost.is_empty() && seen.errors.is_empty(), "before any drop: {seen:?}");

        let (at, number) = (At::default(), storm.number());
        let future = operation.run(&storm.subject, number, &at);
        let delay = Duration::ZERO;
        let strike = Strike { future: Some(Box::pin(future)), at: at.clone(), phase, left, delay, sleep: None };
        let dropped = matches!(strike.await, Struck::Dropped(_));
        let shown = dropped && shows(&storm).await;
        sweep(&mut direct).await;
        if shown {
            println!("{operation:?} dropped in {phase:?} at pending poll {left}, try {round}");
            return true;
        }
    }
    false
}

/// A load's end that was dropped leaves an answer too many in the stream: each query is answered by the one before.
#[pgrepo::test(flavor = "multi_thread")]
async fn storm_sees_wrong_answers_of_plain_sqlx(db: TestDatabase) {
    let (_direct, proxy) = set_up(&db).await;
    let load = Operation::Copy { rows: 5, pad: 10 };
    let seen = strike_until(&proxy, &db, load, Phase::CopyFinish, async |storm| {
        let answers = storm.subject.interview(storm.number()).await;
        println!("{answers:?}");
        answers.iter().any(|(nonce, answer)| answer.as_ref().is_ok_and(|answer| answer != nonce))
    });
    assert!(seen.await, "no wrong answer was seen");
}

/// A dropped `begin` leaves its transaction open, and what the next user writes is never committed.
#[pgrepo::test(flavor = "multi_thread")]
async fn storm_sees_lost_writes_of_plain_sqlx(db: TestDatabase) {
    let (_direct, proxy) = set_up(&db).await;
    let seen = strike_until(
        &proxy,
        &db,
        Operation::Tx { end: End::Commit, also: Also::Nothing },
        Phase::Begin,
        async |storm| {
            let mut direct = Direct::to(&db).await;
            storm.check_insert(&mut direct).await;
            let seen = storm.seen.lock().unwrap();
            println!("{seen:?}");
            !seen.lost.is_empty()
        },
    );
    assert!(seen.await, "no lost write was seen");
}

/// A load dropped while it waits for a lock takes the pool's slot with it.
#[pgrepo::test(flavor = "multi_thread")]
async fn storm_sees_lost_slots_of_plain_sqlx(db: TestDatabase) {
    let (mut direct, proxy) = set_up(&db).await;
    let plain = Plain::connect(&proxy.url(db.name()), 2).await;
    assert_eq!(plain.free_slots(2).await, 2);
    let mut holder = Direct::to(&db).await;
    holder.run("BEGIN; LOCK TABLE stored").await;
    let load = tokio::spawn({
        let plain = plain.clone();
        async move { Operation::Copy { rows: 5, pad: 10 }.run(&plain, 1, &At::default()).await }
    });
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'stored'::regclass AND NOT granted)";
    direct.within(LONG, "the load waits for the lock", waits).await;
    load.abort();
    assert!(load.await.unwrap_err().is_cancelled());
    assert_eq!(plain.free_slots(2).await, 1, "no slot was lost");
    holder.run("ROLLBACK").await;
    sweep(&mut direct).await;
}

/// Lets a storm blow as it does on pgrepo, until the pool has nothing left to give; true if some of its places are lost
/// for good.
async fn loses_slots(db: &TestDatabase, weather: Weather) -> bool {
    let (mut direct, proxy) = set_up(db).await;
    for round in 0..TRIES {
        let plain = Plain::connect(&proxy.url(db.name()), MAX).await;
        let storm = Storm::new(plain.clone(), Course { weather, ..course() }, Some(proxy.faults())).stop_early();
        let over = async {
            while !storm.over.load(std::sync::atomic::Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // What waits for a lock that nobody gives back would blow for ever.
        let _ =
            tokio::time::timeout(LONG, futures_util::future::select(Box::pin(storm.blow(db)), Box::pin(over))).await;
        proxy.heal();
        let free = plain.free_slots(MAX).await;
        let seen = std::mem::take(&mut *storm.seen.lock().unwrap());
        println!("plain sqlx, {weather:?}, round {round}: {free} of {MAX} slots left; {seen:?}");
        sweep(&mut direct).await;
        if free < MAX {
            return true;
        }
    }
    false
}

#[pgrepo::test(flavor = "multi_thread")]
async fn storm_sees_the_faults_of_plain_sqlx(db: TestDatabase) {
    assert!(loses_slots(&db, Weather::Drops).await, "no slot was lost");
}

#[pgrepo::test(flavor = "multi_thread")]
async fn storm_sees_what_cuts_do_to_plain_sqlx(db: TestDatabase) {
    assert!(loses_slots(&db, Weather::Cuts).await, "no slot was lost");
}

#[pgrepo::test(flavor = "multi_thread")]
async fn storm_sees_what_silence_does_to_plain_sqlx(db: TestDatabase) {
    assert!(loses_slots(&db, Weather::Silence).await, "no slot was lost");
}
