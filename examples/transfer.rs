//! Moves money between accounts by SERIALIZABLE transactions that run again where they stand in each other's way, books
//! each part under a savepoint, and checks that the ledger balances.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use pgrepo::{Db, Error, ErrorKind, Isolation, PgTable, RetryConfig, Statement, Tx, TxOptions};

const SCHEMA: &str = "pgrepo_transfer";
const SCRIPT: &str = "
    DROP SCHEMA IF EXISTS pgrepo_transfer CASCADE;
    CREATE SCHEMA pgrepo_transfer;
    CREATE TABLE pgrepo_transfer.accounts (id int4 PRIMARY KEY, balance int8 NOT NULL CHECK (balance >= 0));
    CREATE TABLE pgrepo_transfer.ledger (id int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY, account int4 NOT NULL
        REFERENCES pgrepo_transfer.accounts, amount int8 NOT NULL);
    CREATE TABLE pgrepo_transfer.letters (account int4 PRIMARY KEY, text text NOT NULL)";

#[derive(Debug, PgTable)]
#[pg(schema = "pgrepo_transfer", table = "accounts")]
struct Account {
    #[pg(primary_key)]
    id: i32,
    balance: i64,
}

#[derive(Debug, PgTable)]
#[pg(schema = "pgrepo_transfer", table = "ledger", new = "NewEntry")]
struct Entry {
    #[pg(primary_key, identity)]
    id: i64,
    account: i32,
    amount: i64,
}

/// Why no money was moved.
#[derive(Debug)]
enum Refusal {
    NotEnough { balance: i64 },
    Database(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// Moves money, and returns how often that was tried.
async fn transfer(db: &Db, from: i32, to: i32, amount: i64) -> Result<u32, Refusal> {
    let retry = RetryConfig { attempts: 50, first_delay: Duration::from_millis(1), ..RetryConfig::default() };
    let options = TxOptions::default().isolation(Isolation::Serializable).retry(retry);
    let runs = AtomicU32::new(0);
    db.transaction_with(options, async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        let balance = tx.repository::<Account>().get(from).await?.map_or(0, |account| account.balance);
        if balance < amount {
            return Err(Refusal::NotEnough { balance });
        }
        book(tx, from, -amount).await?;
        book(tx, to, amount).await?;
        // A letter may be there already: that is no reason to move no money.
        let letter = "INSERT INTO pgrepo_transfer.letters VALUES ($1, 'money has come')";
        let sent = tx.savepoint(async |tx| tx.query(letter).bind(to).execute().await).await;
        match sent {
            Err(error) if !error.is_unique_violation() => Err(error.into()),
            _ => Ok(()),
        }
    })
    .await?;
    Ok(runs.into_inner())
}

/// One side of a transfer: the balance, and a line in the ledger.
async fn book(tx: &mut Tx, account: i32, amount: i64) -> Result<(), Error> {
    let change = "UPDATE pgrepo_transfer.accounts SET balance = balance + $2 WHERE id = $1";
    tx.query(change).bind(account).bind(amount).execute().await?;
    tx.repository::<Entry>().insert(NewEntry { account, amount }).await.map(drop)
}

#[tokio::main]
async fn main() -> examples::Result<ExitCode> {
    const ACCOUNTS: i32 = 5;
    const FUNDS: i64 = 1_000;
    let (db, _server) = examples::database(SCHEMA, SCRIPT).await?;
    db.repository::<Account>().copy_in((0..ACCOUNTS).map(|id| Account { id, balance: FUNDS })).await?;

    let transfers = (0..200).map(|n| {
        let db = &db;
        async move {
            transfer(db, n % ACCOUNTS, (n + 1 + n / ACCOUNTS % (ACCOUNTS - 1)) % ACCOUNTS, i64::from(n % 37) * 20).await
        }
    });
    let (mut moved, mut refused, mut again) = (0, 0, 0);
    for outcome in join_all(transfers).await {
        match outcome {
            Ok(runs) => {
                moved += 1;
                again += runs - 1;
            }
            Err(Refusal::NotEnough { balance }) => {
                assert!(balance < 36 * 20, "so much is enough");
                refused += 1;
            }
            Err(Refusal::Database(error)) => return Err(error.into()),
        }
    }
    println!("{moved} transfers made, {refused} refused for want of money, {again} runs more for conflicts");

    // A list of statements, each with its own outcome: the second one breaks the rule of its table.
    let pay = |account: i32, amount: i64| {
        Statement::new("UPDATE pgrepo_transfer.accounts SET balance = balance + $2 WHERE id = $1")
            .bind(account)
            .bind(amount)
    };
    let outcomes = db.execute_each([pay(0, 1), pay(1, -100 * FUNDS), pay(0, -1)]).await?;
    for (number, outcome) in (1..).zip(&outcomes) {
        match outcome {
            Ok(rows) => println!("statement {number}: {rows} row"),
            Err(error) if error.kind() == ErrorKind::Query => {
                println!("statement {number}: refused by {}", error.constraint().unwrap_or("the server"));
            }
            Err(error) => println!("statement {number}: {error}"),
        }
    }

    let sums = "SELECT (SELECT sum(balance)::int8 FROM pgrepo_transfer.accounts), \
                (SELECT coalesce(sum(amount), 0)::int8 FROM pgrepo_transfer.ledger), \
                (SELECT count(*) FROM pgrepo_transfer.accounts a WHERE balance <> $1 + \
                    (SELECT coalesce(sum(amount), 0) FROM pgrepo_transfer.ledger l WHERE l.account = a.id))";
    let (balances, ledger, wrong): (i64, i64, i64) = db.query(sums).bind(FUNDS).fetch_one().await?;
    println!("balances {balances}, ledger {ledger}, accounts that differ from their ledger {wrong}");
    let right = balances == FUNDS * i64::from(ACCOUNTS) && ledger == 0 && wrong == 0;
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
