use pgrepo::{Db, PgTable};

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(primary_key)]
    id: i64,
    name: String,
    #[pg(generated)]
    initials: String,
}

#[derive(PgTable)]
#[pg(table = "orders")]
struct Order {
    id: i64,
}

async fn run(db: &Db) -> pgrepo::Result<()> {
    db.repository::<User>().patch(1, [User::INITIALS.set("A")]).await?;
    Ok(())
}

fn main() {
    let _ = run;
}
