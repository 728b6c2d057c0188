use pgrepo::{Db, PgTable};

#[derive(PgTable)]
#[pg(table = "users", unique = "name")]
struct User {
    #[pg(primary_key)]
    id: i64,
    name: String,
    #[pg(generated)]
    initials: String,
}

#[derive(PgTable)]
#[pg(table = "orders", unique = "number")]
struct Order {
    #[pg(primary_key)]
    id: i64,
    number: i32,
}

async fn run(db: &Db, user: &User) -> pgrepo::Result<()> {
    db.repository::<User>().upsert_on(User::UNIQUE_NAME, user).await?;
    Ok(())
}

fn main() {
    let _ = run;
}
