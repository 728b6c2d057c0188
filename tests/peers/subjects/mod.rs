//! Those who are measured. Each does its work as that library's own users would, at their best.

pub(crate) mod diesel;
pub(crate) mod pgrepo;
pub(crate) mod programs;
pub(crate) mod raw;
pub(crate) mod sqlx;
pub(crate) mod tokio_postgres;

use crate::meter::{Latencies, pick};
use crate::task::{Metrics, Result, Task};

const COPY: &str = "COPY wide (id, name, email, age, active, balance, created_at, uid, profile, tags) \
    FROM STDIN (FORMAT binary)";

const INSERT: &str = "INSERT INTO wide (id, name, email, age, active, balance, created_at, uid, profile, tags) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Arrays of arrays are flattened by UNNEST: the tags travel as text.
const UNNEST: &str = "INSERT INTO wide (id, name, email, age, active, balance, created_at, uid, profile, tags) \
    SELECT a, b, c, d, e, f, g, h, i, j::text[] FROM unnest($1::int8[], $2::text[], $3::text[], $4::int4[], $5::bool[], \
    $6::float8[], $7::timestamptz[], $8::uuid[], $9::jsonb[], $10::text[]) AS x(a, b, c, d, e, f, g, h, i, j)";

/// A merge by hand, in a transaction: this, a COPY, and a statement that leaves rows alone which are there already.
const STAGE: &str = "CREATE TEMPORARY TABLE stage (LIKE wide) ON COMMIT DROP";

const COPY_STAGE: &str = "COPY stage (id, name, email, age, active, balance, created_at, uid, profile, tags) \
    FROM STDIN (FORMAT binary)";

const MERGE: &str = "INSERT INTO wide (id, name, email, age, active, balance, created_at, uid, profile, tags) \
    SELECT id, name, email, age, active, balance, created_at, uid, profile, tags FROM stage \
    ON CONFLICT (id) DO UPDATE SET (name, email, age, active, balance, created_at, uid, profile, tags) = \
    (EXCLUDED.name, EXCLUDED.email, EXCLUDED.age, EXCLUDED.active, EXCLUDED.balance, EXCLUDED.created_at, \
    EXCLUDED.uid, EXCLUDED.profile, EXCLUDED.tags) \
    WHERE (wide.name, wide.email, wide.age, wide.active, wide.balance, wide.created_at, wide.uid, wide.profile, wide.tags) \
    IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.email, EXCLUDED.age, EXCLUDED.active, EXCLUDED.balance, \
    EXCLUDED.created_at, EXCLUDED.uid, EXCLUDED.profile, EXCLUDED.tags)";

/// Fails unless a merge has written the rows that were to be written.
fn merged(written: u64, task: &Task) -> Result<()> {
    match written == u64::from(task.rows) / 4 * 3 {
        true => Ok(()),
        false => Err(format!("{written} of {} rows were written", task.rows).into()),
    }
}

/// The statements of a short transaction; each takes an account and an amount.
const TRANSFER: [&str; 3] = [
    "UPDATE accounts SET balance = balance - $2 WHERE id = $1",
    "UPDATE accounts SET balance = balance + $2 WHERE id = $1",
    "INSERT INTO transfers (receiver, amount) VALUES ($1, $2)",
];

/// The account of each of the statements.
fn accounts(task: &Task, n: u64) -> [i64; 3] {
    let [sender, receiver] = [2 * n, 2 * n + 1].map(|n| i64::from(pick(n, task.rows)));
    [sender, receiver, receiver]
}

/// What is transferred.
const AMOUNT: i64 = 7;

/// An array as PostgreSQL writes it.
fn array_literal(texts: &[String]) -> String {
    let mut out = String::from("{");
    for (n, text) in texts.iter().enumerate() {
        out.push_str(if n == 0 { "\"" } else { ",\"" });
        for c in text.chars() {
            if c == '"' || c == '\\' {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    }
    out.push('}');
    out
}

/// Fails unless all rows were read.
fn expect(found: u64, wanted: u32) -> Result<()> {
    match found == u64::from(wanted) {
        true => Ok(()),
        false => Err(format!("{found} rows were read where {wanted} are stored").into()),
    }
}

/// Runs all of the task's tasks at once; `start` makes one of them.
async fn together<F>(task: &Task, mut start: impl FnMut(Latencies) -> F) -> Result<Metrics>
where
    F: Future<Output = Result<Latencies>> + Send + 'static,
{
    let running: Vec<_> = Latencies::of_each(task)?.into_iter().map(|l| tokio::spawn(start(l))).collect();
    let mut all = Vec::new();
    for one in running {
        all.push(one.await??);
    }
    Latencies::sum(all)
}
