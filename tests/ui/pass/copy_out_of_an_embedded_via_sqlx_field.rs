use pgrepo::{Db, PgRecord, PgTable};

#[derive(PgRecord)]
struct Profile {
    city: String,
}

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    id: i64,
    #[pg(flatten)]
    profile: Profile,
}

async fn run(db: &Db) -> pgrepo::Result<()> {
    db.repository::<User>().copy_out().await?;
    Ok(())
}

fn main() {
    let _ = run;
}
