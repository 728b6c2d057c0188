use pgrepo::Db;

async fn run(db: &Db) -> pgrepo::Result<u64> {
    db.transaction(|tx| async move { tx.query("DELETE FROM users").execute().await }).await
}

fn main() {
    let _ = run;
}
