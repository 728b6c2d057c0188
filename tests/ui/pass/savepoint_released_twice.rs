use pgrepo::Tx;

async fn run(tx: &mut Tx) -> pgrepo::Result<()> {
    let part = tx.begin_savepoint().await?;
    part.release().await
}

fn main() {
    let _ = run;
}
