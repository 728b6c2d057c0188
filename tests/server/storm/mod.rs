//! Thousands of operations dropped half-way or cut off by the network, on pgrepo and, so that the storms are known to see
//! the faults, on plain sqlx.
//!
//! Each prints its seed and how many faults landed where. `PGREPO_STORM_SEED` repeats the choices of a run (which operation
//! meets which fault in which order is still the scheduler's), and `PGREPO_STORM_ROUNDS` has another number of rounds:
//!
//! ```sh
//! PGREPO_STORM_ROUNDS=100000 cargo test --release -p tests --test server -- storm_no_cut storm_no_drop --nocapture --test-threads=1
//! ```

use std::time::{Duration, Instant};

use pgrepo::testkit::{Proxy, TestDatabase};
use pgrepo::{Db, DbConfig};

use crate::support::{Direct, LONG, proxy, serves};
use blow::{Course, Storm};
use phase::Phase;
use subject::{PAPERS, Subject};
use verdict::Seen;
use weather::Weather;

mod blow;
mod commit;
mod loads;
mod operation;
mod phase;
mod plain;
mod promises;
mod strike;
mod subject;
mod verdict;
mod weather;

/// An operation that waits for so long has lost its connection to another's fault.
const STUCK: Duration = Duration::from_secs(15);

const MAX: usize = 14;
const SEED: u64 = 0x5eed_0002;

/// A change of `kept` is written down in `stored`, as what else stores its group there.
const SCHEMA: &str = "CREATE TABLE stored (grp int8 NOT NULL, id int4 NOT NULL, pad text NOT NULL); \
    CREATE TABLE big (grp int8 NOT NULL, id int4 NOT NULL, pad text NOT NULL); \
    INSERT INTO big SELECT 0, i, repeat('x', 100) FROM generate_series(0, 1999) i; \
    CREATE TABLE kept (id int8 PRIMARY KEY, value int8 NOT NULL, version int4 NOT NULL); \
    INSERT INTO kept SELECT i, 0, 0 FROM generate_series(0, 99) i; \
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN INSERT INTO stored VALUES (NEW.value, 0, 'k'); RETURN NEW; END $$; \
    CREATE TRIGGER keep AFTER INSERT OR UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION keep()";

/// A number of the environment's, in decimal or with `0x`.
fn setting(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    let number = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16));
    number.unwrap_or_else(|e| panic!("{name}={text}: {e}"))
}

pub(crate) fn seed() -> u64 {
    setting("PGREPO_STORM_SEED", SEED)
}

/// How often `default` goes into the rounds wanted: floors grow with it, and there is none for a shorter run.
fn rounds(default: usize) -> (usize, u64) {
    let rounds = usize::try_from(setting("PGREPO_STORM_ROUNDS", default as u64)).unwrap();
    (rounds, (rounds / default) as u64)
}

/// The URL of a database through a proxy for a role whose password costs the server little to check: a storm makes
/// thousands of connections.
async fn light(db: &TestDatabase, direct: &mut Direct, proxy: &Proxy) -> String {
    let role = db.name().replace("pgrepo_test", "storm");
    direct.run(&format!("SET password_encryption = 'md5'; CREATE ROLE {role} SUPERUSER LOGIN PASSWORD 'storm'")).await;
    format!("postgres://{role}:storm@127.0.0.1:{}/{}", proxy.port(), db.name())
}

struct Blown {
    seen: Seen,
    direct: Direct,
    proxy: Proxy,
}

/// Lets a storm blow on pgrepo, and checks that it harmed nobody and left the pool whole.
async fn blow(db: &TestDatabase, course: Course) -> Blown {
    let begun = Instant::now();
    let mut direct = Direct::to(db).await;
    direct.run(SCHEMA).await;
    direct.run(PAPERS).await;
    let proxy = proxy(db).await;
    proxy.latency(Duration::from_millis(1));
    let mut config = DbConfig::from_url(&light(db, &mut direct, &proxy).await).unwrap().with_max_connections(MAX);
    <Db as Subject>::NAME.clone_into(&mut config.application_name);
    (config.acquire_timeout, config.connect_timeout) = (LONG, STUCK);
    let ours = Db::connect(config).await.unwrap();
    let storm = Storm::new(ours.clone(), course, Some(proxy.faults()));
    storm.blow(db).await;
    proxy.heal();
    let counts = proxy.counts();
    serves_again(&ours).await;
    direct.at_rest(<Db as Subject>::NAME, MAX).await;
    let seen = storm.settle(&mut direct).await;
    let Course { weather, rounds, seed, .. } = course;
    println!("{weather:?}: seed {seed:#x}, {rounds} rounds in {:?}, {} operations ended", begun.elapsed(), seen.ended);
    println!("dropped in each phase: {:?}", seen.drops);
    println!("failed in each phase: {:?}", seen.broken);
    println!("not answered in each phase: {:?}", seen.stuck);
    let after: Vec<_> = (0..=u8::MAX).filter(|kind| counts.endings_after(*kind) > 0).collect();
    let after: Vec<_> = after.iter().map(|kind| (char::from(*kind), counts.endings_after(*kind))).collect();
    println!("cuts ordered for each phase: {:?}", seen.cuts);
    println!("{} cuts ordered, {} struck, by the last message forwarded: {after:?}", seen.ordered(), counts.endings());
    println!("most sessions at a time {}, connections made {}", seen.most_sessions, counts.connections);
    seen.no_harm();
    assert!(seen.failures() <= counts.endings(), "{} errors of {} cuts", seen.failures(), counts.endings());
    assert!(seen.silences() <= seen.ordered(), "{} stuck of {} cuts", seen.silences(), seen.ordered());
    Blown { seen, direct, proxy }
}

/// Checks that the pool is whole: connections that a cut has ended while they idled are told by an error once at most.
async fn serves_again(db: &Db) {
    for _ in 0..=MAX {
        if futures_util::future::join_all((0..MAX).map(|_| db.begin())).await.iter().all(Result::is_ok) {
            break;
        }
    }
    serves(db, MAX).await;
}

#[pgrepo::test(flavor = "multi_thread")]
async fn storm_no_drop_harms_anybody_else(db: TestDatabase) {
    const ROUNDS: usize = 4_000;
    let (rounds, times) = rounds(ROUNDS);
    let course = Course { weather: Weather::Drops, rounds, workers: 10, seed: seed(), deadline: STUCK };
    let Blown { seen, .. } = blow(&db, course).await;
    seen.dropped_at_least(40 * times);
    // A session that is being ended may be seen beside its successor.
    assert!(seen.most_sessions <= 2 * i64::try_from(MAX).unwrap() + 1, "{} sessions", seen.most_sessions);
}

#[pgrepo::test(flavor = "multi_thread")]
async fn storm_no_cut_harms_anybody_else_and_every_error_tells_the_truth(db: TestDatabase) {
    const ROUNDS: usize = 7_500;
    let (rounds, times) = rounds(ROUNDS);
    let course = Course { weather: Weather::Cuts, rounds, workers: 24, seed: seed(), deadline: STUCK };
    let Blown { seen, proxy, .. } = blow(&db, course).await;
    seen.dropped_at_least(25 * times);
    seen.cut_at_least(60 * times);
    // Where an error shows, whatever is repeated or found out by itself.
    for phase in VISIBLE {
        let broken = seen.broken.get(&phase).copied().unwrap_or(0);
        assert!(broken >= 5 * times, "{broken} cuts were seen in {phase:?}");
    }
    let counts = proxy.counts();
    for kind in [b'p', b'Q', b'P', b'E', b'S', b'd', b'c'] {
        let struck = counts.endings_after(kind);
        assert!(struck >= 5 * times, "{struck} cuts after {:?}", char::from(kind));
    }
    assert!(counts.endings() >= 2_000 * times, "{} cuts", counts.endings());
    assert!(seen.most_sessions <= 2 * i64::try_from(MAX).unwrap() + 2, "{} sessions", seen.most_sessions);
}

/// The phases in which an operation whose connection breaks cannot be repeated by itself.
const VISIBLE: [Phase; 23] = [
    Phase::Insert,
    Phase::InsertReturning,
    Phase::InsertMany,
    Phase::Upsert,
    Phase::Update,
    Phase::Patch,
    Phase::InTransaction,
    Phase::CopyInTransaction,
    Phase::Savepoint,
    Phase::CopyStart,
    Phase::CopyFinish,
    Phase::Delete,
    Phase::DeleteMany,
    Phase::UpdateWhere,
    Phase::UpdateMany,
    Phase::Merge,
    Phase::InsertNew,
    Phase::CopyRecords,
    Phase::InsertJson,
    Phase::EditJson,
    Phase::ExecuteAll,
    Phase::Closure,
    Phase::Load,
];

#[pgrepo::test(flavor = "multi_thread")]
async fn storm_no_silence_keeps_a_place_of_the_pool(db: TestDatabase) {
    const ROUNDS: usize = 240;
    let (rounds, times) = rounds(ROUNDS);
    let deadline = Duration::from_secs(1);
    let course = Course { weather: Weather::Silence, rounds, workers: 24, seed: seed(), deadline };
    let Blown { seen, mut direct, .. } = blow(&db, course).await;
    seen.cut_at_least(2 * times);
    assert!(seen.silences() >= 40 * times, "{} operations met silence", seen.silences());
    // What was said to the server before the silence is undone with its session.
    direct
        .within(LONG, "no lock is left", "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'stored'::regclass)")
        .await;
}
