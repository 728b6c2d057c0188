//! Transactions that stand in each other's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, Isolation, RetryConfig, TxOptions};

use super::cancel::NAME;
use crate::support::{Direct, Rng, pool};

#[pgrepo::test(flavor = "multi_thread")]
async fn fault_22_of_a_deadlock_one_is_run_again(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run("CREATE TABLE a (id int4, n int4); INSERT INTO a VALUES (1, 0), (2, 0)").await;
    let ours = pool(&db.tcp_url(), NAME, 2).await;
    let (runs, both) = (Arc::new(AtomicU64::new(0)), Arc::new(tokio::sync::Barrier::new(2)));
    let tasks = [(1, 2), (2, 1)].map(|(first, second)| {
        let (ours, runs, both) = (ours.clone(), Arc::clone(&runs), Arc::clone(&both));
        tokio::spawn(async move {
            let (mine, update) = (AtomicU64::new(0), "UPDATE a SET n = n + 1 WHERE id = $1");
            ours.transaction_with(TxOptions::default(), async |tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                tx.query(update).bind(first).execute().await?;
                if mine.fetch_add(1, Ordering::Relaxed) == 0 {
                    both.wait().await;
                }
                tx.query(update).bind(second).execute().await
            })
            .await
        })
    });
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), 1);
    }
    assert_eq!(runs.load(Ordering::Relaxed), 3, "one of them is run once more");
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM a WHERE n = 2").await, 2);
    direct.at_rest(NAME, 2).await;
}

const TASKS: usize = 8;
const TRANSFERS: usize = 1_000;
const OWNERS: usize = 20;
const SEED: u64 = 0x5eed_0022;
/// What each owner has in the beginning, in two accounts together.
const FUNDS: i64 = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Made,
    /// Both accounts together have not enough.
    Refused,
    /// Both accounts together have less than nothing, which nobody may see.
    Overdrawn,
}

/// How often the closure was run, and how often a statement in it failed as a serialization failure.
#[derive(Debug, Default)]
struct Counts {
    runs: AtomicU64,
    conflicts: AtomicU64,
}

/// Moves money from one of the owner's two accounts to another owner, if both together have it: one account may be
/// overdrawn, both together may not. Two such, at the same time from both accounts, each see enough; so this is safe where
/// the server runs them as if one after the other, and nowhere else.
async fn transfer(
    ours: &Db,
    from: usize,
    to: usize,
    account: usize,
    amount: i64,
    counts: &Counts,
) -> pgrepo::Result<Transfer> {
    let retry = RetryConfig {
        attempts: 200,
        first_delay: Duration::from_millis(1),
        greatest_delay: Duration::from_millis(32),
        deadline: Duration::from_secs(120),
        ..RetryConfig::default()
    };
    let options = TxOptions::default().isolation(Isolation::Serializable).retry(retry);
    let [from, to, account] = [from, to, account].map(|n| i32::try_from(n).unwrap());
    // What fails at COMMIT is not seen in the closure, and is counted as a run only.
    let count = |error: pgrepo::Error| {
        if error.sqlstate().is_some_and(|state| state.as_str() == "40001") {
            counts.conflicts.fetch_add(1, Ordering::Relaxed);
        }
        error
    };
    ours.transaction_with(options, async |tx| {
        counts.runs.fetch_add(1, Ordering::Relaxed);
        let sum = tx.query("SELECT sum(balance)::int8 FROM accounts WHERE owner = $1").bind(from);
        let both: i64 = sum.fetch_val().await.map_err(count)?;
        if both < amount {
            return Ok(if both < 0 { Transfer::Overdrawn } else { Transfer::Refused });
        }
        let change = "UPDATE accounts SET balance = balance + $3 WHERE owner = $1 AND account = $2";
        // In one order, so that nobody waits for a deadlock to be found.
        let mut sides = [(from, -amount), (to, amount)];
        sides.sort_unstable();
        for (owner, amount) in sides {
            tx.query(change).bind(owner).bind(account).bind(amount).execute().await.map_err(count)?;
        }
        Ok::<_, pgrepo::Error>(Transfer::Made)
    })
    .await
}

#[pgrepo::test(flavor = "multi_thread")]
async fn fault_22_a_serializable_bank_keeps_its_sum_and_no_owner_is_overdrawn(db: TestDatabase) {
    let begun = Instant::now();
    let mut direct = Direct::to(&db).await;
    direct
        .run(&format!(
            "CREATE TABLE accounts (owner int4, account int4, balance int8 NOT NULL, PRIMARY KEY (owner, account)) \
             WITH (fillfactor = 20); \
             INSERT INTO accounts SELECT o, a, {} FROM generate_series(0, {}) o, generate_series(0, 1) a",
            FUNDS / 2,
            OWNERS - 1
        ))
        .await;
    // Else each statement reads the whole small table, and every two transactions stand in each other's way.
    direct
        .run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_seqscan = off', current_database()); END $$")
        .await;
    let ours = pool(&db.url(), NAME, TASKS).await;
    let counts = Arc::new(Counts::default());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let (ours, counts) = (ours.clone(), Arc::clone(&counts));
        tasks.spawn(async move {
            let (mut rng, mut made) = (Rng(SEED + task as u64), 0_u64);
            for _ in 0..TRANSFERS {
                let from = rng.below(OWNERS);
                let to = (from + 1 + rng.below(OWNERS - 1)) % OWNERS;
                let amount = 1 + i64::try_from(rng.below(150)).unwrap();
                match transfer(&ours, from, to, rng.below(2), amount, &counts).await.unwrap() {
                    Transfer::Made => made += 1,
                    Transfer::Refused => {}
                    Transfer::Overdrawn => panic!("owner {from} was seen to be overdrawn"),
                }
            }
            made
        });
    }
    let mut made = 0;
    while let Some(task) = tasks.join_next().await {
        made += task.unwrap();
    }
    let all = (TASKS * TRANSFERS) as u64;
    let again = counts.runs.load(Ordering::Relaxed) - all;
    let conflicts = counts.conflicts.load(Ordering::Relaxed);
    println!(
        "seed {SEED:#x}: {all} transfers, {made} of them made, {again} runs again, of which {conflicts} for a statement \
         that failed with 40001, in {:?}",
        begun.elapsed()
    );
    assert!(conflicts >= 100, "{conflicts} serialization failures");
    assert!(again >= conflicts, "{conflicts} serialization failures, {again} of them retried");
    assert!(made >= all / 4, "{made} of {all} transfers had the money");
    let sum: i64 = direct.one("SELECT sum(balance)::int8 FROM accounts").await;
    assert_eq!(sum, FUNDS * i64::try_from(OWNERS).unwrap());
    let overdrawn: i64 =
        direct.one("SELECT count(*) FROM (SELECT FROM accounts GROUP BY owner HAVING sum(balance) < 0) o").await;
    assert_eq!(overdrawn, 0);
    direct.at_rest(NAME, TASKS).await;
}
