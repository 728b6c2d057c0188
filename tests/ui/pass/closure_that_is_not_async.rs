use pgrepo::Db;

async fn run(db: &Db) -> pgrepo::Result<u64> {
    db.transaction(async |tx| { tx.query("DELETE FROM users").execute().await }).await
}

fn main() {
    let _ = run;
}
