use pgrepo::Db;

async fn run(db: &Db) -> pgrepo::Result<u32> {
    let mut runs = 0;
    db.transaction(async |tx| {
        runs += 1;
        tx.query("INSERT INTO users (name) VALUES ('Ann')").execute().await
    })
    .await?;
    Ok(runs)
}

fn main() {
    let _ = run;
}
