//! Transactions.

mod closures;
mod locks;
mod options;
mod savepoints;
mod statements;

use pgrepo::{Db, PgTable};

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "t")]
struct Line {
    #[pg(primary_key)]
    id: i64,
}

async fn table(db: &Db) {
    db.execute_script("CREATE TABLE t (id int8 PRIMARY KEY)").await.unwrap();
}

/// The numbers in the table, as another connection sees them.
async fn stored(db: &Db) -> Vec<i64> {
    db.query("SELECT id FROM t ORDER BY id").fetch_all().await.unwrap()
}
