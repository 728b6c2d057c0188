use pgrepo::{Db, PgTable};

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(primary_key)]
    id: i64,
    name: String,
    tags: Vec<String>,
}

async fn run(db: &Db) -> pgrepo::Result<()> {
    db.repository::<User>().all().for_update().fetch_all().await?;
    Ok(())
}

fn main() {
    let _ = run;
}
