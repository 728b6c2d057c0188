use pgrepo::{Db, TxOptions};

async fn run(db: &Db, name: String) -> pgrepo::Result<u64> {
    db.transaction_with(TxOptions::default(), async |tx| {
        tx.query("INSERT INTO users (name) VALUES ($1)").bind(&name).execute().await
    })
    .await
}

fn main() {
    let _ = run;
}
