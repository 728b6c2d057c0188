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

/// Moves money from one of the owner's two accounts to another owner, if both together have it: one account may be
/// overdrawn, both together may not. Two such, at the same time from both accounts, each see enough; so this is safe where
/// the server runs them as if one after the other, and nowhere else.
async fn transfer(
    ours: &Db,
    from: usize,
    to: usize,
    account: usize,
    amount: i64,
    runs: &AtomicU64,
) -> pgrepo::Result<bool> {
    let retry = RetryConfig {
        attempts: 200,
        first_delay: Duration::from_millis(1),
        greatest_delay: Duration::from_millis(32),
        deadline: Duration::from_secs(120),
        ..RetryConfig::default()
    };
    let options = TxOptions::default().isolation(Isolation::Serializable).retry(retry);
    let [from, to, account] = [from, to, account].map(|n| i32::try_from(n).unwrap());
    ours.transaction_with(options, async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        let both: i64 =
            tx.query("SELECT sum(balance)::int8 FROM accounts WHERE owner = $1").bind(from).fetch_val().await?;
        if both < amount {
            return Ok(false);
        }
        let change = "UPDATE accounts SET balance = balance + $3 WHERE owner = $1 AND account = $2";
        tx.query(change).bind(from).bind(account).bind(-amount).execute().await?;
        tx.query(change).bind(to).bind(account).bind(amount).execute().await?;
        Ok::<_, pgrepo::Error>(true)
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
    let runs = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let (ours, runs) = (ours.clone(), Arc::clone(&runs));
        tasks.spawn(async move {
            let (mut rng, mut made) = (Rng(SEED + task as u64), 0);
            for _ in 0..TRANSFERS {
                let from = rng.below(OWNERS);
                let to = (from + 1 + rng.below(OWNERS - 1)) % OWNERS;
                let amount = 1 + i64::try_from(rng.below(150)).unwrap();
                made += u64::from(transfer(&ours, from, to, rng.below(2), amount, &runs).await.unwrap());
            }
            made
        });
    }
    let mut made = 0;
    while let Some(task) = tasks.join_next().await {
        made += task.unwrap();
    }
    let (all, runs) = ((TASKS * TRANSFERS) as u64, runs.load(Ordering::Relaxed));
    println!(
        "seed {SEED:#x}: {all} transfers, {made} of them made, {} runs again, in {:?}",
        runs - all,
        begun.elapsed()
    );
    assert!(runs - all >= 100, "{} serialization failures", runs - all);
    assert!(made >= all / 4, "{made} of {all} transfers had the money");
    let sum: i64 = direct.one("SELECT sum(balance)::int8 FROM accounts").await;
    assert_eq!(sum, FUNDS * i64::try_from(OWNERS).unwrap());
    let overdrawn: i64 =
        direct.one("SELECT count(*) FROM (SELECT FROM accounts GROUP BY owner HAVING sum(balance) < 0) o").await;
    assert_eq!(overdrawn, 0);
    direct.at_rest(NAME, TASKS).await;
}
