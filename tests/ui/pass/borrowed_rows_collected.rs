use pgrepo::{Db, PgTable};

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
}

async fn run(db: &Db) -> pgrepo::Result<()> {
    let _users: Vec<User> = db.query("SELECT name FROM users").fetch_all().await?;
    Ok(())
}

fn main() {
    let _ = run;
}
