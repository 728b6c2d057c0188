//! What the users of the Python connector were promised of large databases, each claim with what shows it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, Error, Filter, PgTable, Result, Tx};
use tokio::sync::Barrier;

use crate::storm::seed;
use crate::support::{Direct, Rng, config, pool};

const CONNECTIONS: usize = 50;
const ACCOUNTS: i64 = 100;
/// Between two operations of a worker.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, PgTable)]
#[pg(table = "event")]
struct Event {
    worker: i32,
    seq: i64,
}

#[derive(Debug, PgTable)]
#[pg(table = "account")]
struct Account {
    #[pg(primary_key)]
    id: i64,
    balance: i64,
}

const SCHEMA: &str = "CREATE TABLE event (worker int4 NOT NULL, seq int8 NOT NULL, PRIMARY KEY (worker, seq)); \
    CREATE TABLE account (id int8 PRIMARY KEY, balance int8 NOT NULL); \
    INSERT INTO account SELECT i, 1000 FROM generate_series(1, 100) AS i";

/// What a worker was told that it has done.
#[derive(Default)]
struct Done {
    operations: u64,
    events: i64,
    transfers: u64,
}

/// Fifty connections at work at once for a minute, or for `PGREPO_SCALE_SECONDS`.
#[pgrepo::test(flavor = "multi_thread")]
async fn fifty_connections_at_work_lose_nothing(database: TestDatabase) {
    let mut direct = Direct::to(&database).await;
    direct.run(SCHEMA).await;
    let db = pool(&database.url(), "fifty", CONNECTIONS).await;
    let seconds = std::env::var("PGREPO_SCALE_SECONDS").map_or(60, |text| text.parse().unwrap());
    let (begin, until) = (Arc::new(Barrier::new(CONNECTIONS + 1)), Duration::from_secs(seconds));
    let workers: Vec<_> =
        (0..CONNECTIONS).map(|worker| tokio::spawn(work(db.clone(), worker, begin.clone(), until))).collect();
    // All of them hold a connection when they meet, and go on when each has been counted.
    begin.wait().await;
    let at_once =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fifty' AND state = 'idle in transaction'";
    assert_eq!(direct.one::<i64>(at_once).await, i64::try_from(CONNECTIONS).unwrap());
    begin.wait().await;

    let done: Vec<Done> = join_all(workers).await.into_iter().map(|done| done.unwrap().unwrap()).collect();
    for (worker, done) in done.iter().enumerate() {
        let sql = format!("SELECT count(*) || ' ' || coalesce(max(seq), 0) FROM event WHERE worker = {worker}");
        assert_eq!(direct.one::<String>(&sql).await, format!("{0} {0}", done.events), "worker {worker}");
    }
    let moved: i64 = direct.one("SELECT sum(abs(balance - 1000))::int8 FROM account").await;
    assert_eq!(direct.one::<i64>("SELECT sum(balance)::int8 FROM account").await, ACCOUNTS * 1000);
    let sum = |of: fn(&Done) -> u64| done.iter().map(of).sum::<u64>();
    let (operations, transfers) = (sum(|done| done.operations), sum(|done| done.transfers));
    assert!(moved > 0 && transfers > 0, "money moves");
    assert!(done.iter().all(|done| done.operations > 0), "each has its turn");
    let status = db.status();
    assert_eq!((status.size, status.in_use, status.closed_by_use), (CONNECTIONS, 0, 0), "{status:?}");
    println!("{CONNECTIONS} connections, {seconds} s: {operations} operations, {transfers} transfers, nothing lost");
}

async fn work(db: Db, worker: usize, begin: Arc<Barrier>, until: Duration) -> Result<Done> {
    let number = i32::try_from(worker).unwrap();
    let (mut rng, mut done) = (Rng(seed() + worker as u64), Done::default());
    let mut held = db.begin().await?;
    held.query("SELECT 1").execute().await?;
    begin.wait().await;
    begin.wait().await;
    held.rollback().await?;
    let began = Instant::now();
    while began.elapsed() < until {
        let events = db.repository::<Event>();
        match rng.below(16) {
            0..5 => {
                events.insert(Event { worker: number, seq: done.events + 1 }).await?;
                done.events += 1;
            }
            5..8 => {
                let rows = (1..=20).map(|n| Event { worker: number, seq: done.events + n });
                done.events += i64::try_from(events.copy_in(rows).await?.rows).unwrap();
            }
            8..13 => {
                let mut ids = [rng.below(100), rng.below(100)].map(|n| i64::try_from(n).unwrap() + 1);
                ids.sort_unstable();
                transfer(&db, ids).await?;
                done.transfers += 1;
            }
            13..15 => {
                let accounts: Vec<Account> = db.repository::<Account>().find(Filter::all()).fetch_all().await?;
                assert_eq!(accounts.iter().map(|account| account.balance).sum::<i64>(), ACCOUNTS * 1000);
            }
            _ => {
                let count = events.find(Event::WORKER.eq(number)).count().await?;
                assert_eq!(i64::try_from(count).unwrap(), done.events, "a worker reads what it was told to be stored");
            }
        }
        done.operations += 1;
        // Other tests run beside it.
        tokio::time::sleep(PAUSE).await;
    }
    Ok(done)
}

/// Moves one from the first account to the second; whoever locks both locks the lower one first.
async fn transfer(db: &Db, [from, to]: [i64; 2]) -> Result<()> {
    let mut tx = db.begin().await?;
    let sql = "UPDATE account SET balance = balance + $2 WHERE id = $1";
    tx.query(sql).bind(from).bind(-1_i64).execute().await?;
    tx.query(sql).bind(to).bind(1_i64).execute().await?;
    tx.commit().await
}

#[derive(Debug, PgTable)]
#[pg(table = "leaf")]
struct Leaf {
    #[pg(primary_key)]
    id: i64,
}

const DEEP: u32 = 3;

/// What the savepoints of one transaction went through.
struct Tree {
    rng: Rng,
    next: i64,
    /// How often each way of ending was taken at each depth.
    ends: [[u32; ENDS]; DEEP as usize],
}

const ENDS: usize = 6;

/// Transactions with savepoints three deep, each of which succeeds or fails in a way that is drawn: what is stored is what the
/// savepoints that were kept have stored, and nothing else.
#[pgrepo::test(flavor = "multi_thread")]
async fn savepoints_three_deep_keep_what_they_should(database: TestDatabase) {
    Direct::to(&database).await.run("CREATE TABLE leaf (id int8 PRIMARY KEY); INSERT INTO leaf VALUES (0)").await;
    let db = Db::connect(config(&database.url(), "deep", 4)).await.unwrap();
    let tasks = (1..=4_i64).map(|task| {
        let db = db.clone();
        tokio::spawn(async move {
            let rng = Rng(seed() + task.unsigned_abs());
            let mut tree = Tree { rng, next: task << 32, ends: Default::default() };
            let mut expected = Vec::new();
            for _ in 0..100 {
                let mut tx = db.begin().await?;
                let kept = branch(&mut tx, 0, &mut tree).await?;
                match tree.rng.below(4) {
                    0 => tx.rollback().await?,
                    1 => drop(tx),
                    _ => {
                        tx.commit().await?;
                        expected.extend(kept);
                    }
                }
            }
            Ok::<_, Error>((expected, tree.ends))
        })
    });
    let (mut expected, mut ends) = (vec![0], [[0; ENDS]; DEEP as usize]);
    for done in join_all(tasks).await {
        let (kept, of_task) = done.unwrap().unwrap();
        expected.extend(kept);
        for (all, one) in ends.iter_mut().flatten().zip(of_task.iter().flatten()) {
            *all += one;
        }
    }
    expected.sort_unstable();
    let stored: Vec<i64> = db.query("SELECT id FROM leaf ORDER BY id").fetch_all().await.unwrap();
    println!("{} rows are stored; savepoints by depth and end: {ends:?}", stored.len());
    assert_eq!(stored, expected);
    assert!(ends.iter().flatten().all(|count| *count > 20), "each way at each depth: {ends:?}");
}

/// Inserts rows, and goes through savepoints of the next depth; returns the rows that were kept.
fn branch<'a>(tx: &'a mut Tx, depth: u32, tree: &'a mut Tree) -> BoxFuture<'a, Result<Vec<i64>>> {
    Box::pin(async move {
        let mut kept = Vec::new();
        for _ in 0..=tree.rng.below(2) {
            tree.next += 1;
            tx.repository::<Leaf>().insert(Leaf { id: tree.next }).await?;
            kept.push(tree.next);
        }
        if depth == DEEP {
            return Ok(kept);
        }
        for _ in 0..=tree.rng.below(2) {
            let end = tree.rng.below(ENDS);
            tree.ends[usize::try_from(depth).unwrap()][end] += 1;
            let mut savepoint = tx.begin_savepoint().await?;
            let inner = branch(&mut savepoint, depth + 1, tree).await?;
            match end {
                0 | 1 => {
                    savepoint.release().await?;
                    kept.extend(inner);
                }
                2 => savepoint.rollback().await?,
                3 => drop(savepoint),
                // A statement fails, and nobody looks: the savepoint is not kept, and says so.
                4 => {
                    savepoint.repository::<Leaf>().insert(Leaf { id: 0 }).await.unwrap_err();
                    assert_eq!(savepoint.release().await.unwrap_err().operation(), Some("release"));
                }
                // A load fails, which is a savepoint of its own.
                _ => {
                    tree.next += 1;
                    let rows = [Leaf { id: tree.next }, Leaf { id: 0 }];
                    assert!(savepoint.repository::<Leaf>().copy_in(rows).await.unwrap_err().is_unique_violation());
                    savepoint.release().await?;
                    kept.extend(inner);
                }
            }
        }
        Ok(kept)
    })
}

/// 320 MiB go through a process that may have 256, whose memory does not grow by more than 32; at once they do not fit.
#[cfg(target_os = "linux")]
#[pgrepo::test(sql = "CREATE UNLOGGED TABLE many (id int8, score float8, name text)")]
async fn more_than_memory_is_streamed_and_loaded(database: TestDatabase) {
    use crate::memory::{LARGER, child, output};
    const ROWS: i64 = 40_960;
    let peak = child(&database.url(), "larger", ROWS).await;
    let mut direct = Direct::to(&database).await;
    let lost = format!(
        "SELECT count(*) FROM ({}) AS s FULL JOIN many AS m USING (id) WHERE s.name IS DISTINCT FROM m.name \
        OR s.score IS DISTINCT FROM m.score",
        LARGER.replace("$1", &ROWS.to_string())
    );
    assert_eq!(direct.one::<i64>(&lost).await, 0);
    let bytes: i64 = direct.one("SELECT sum(octet_length(name))::int8 FROM many").await;
    assert_eq!(bytes, ROWS * 8192);
    println!("{} MiB through a process of {peak} KiB", bytes >> 20);
    let failed = output(&database.url(), "larger at once", ROWS).await;
    assert!(!failed.status.success(), "the limit is one");
    assert!(String::from_utf8_lossy(&failed.stderr).contains("memory allocation"), "{failed:?}");
}
