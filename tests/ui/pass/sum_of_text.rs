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
    let _ = db.repository::<User>().all().sum(User::ID).await?;
    Ok(())
}

fn main() {
    let _ = run;
}
