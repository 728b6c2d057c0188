use pgrepo::{Json, PgJson, PgTable};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PgJson)]
struct Profile {
    city: Option<String>,
    visits: i64,
    skills: Vec<String>,
    home: Address,
}

#[derive(Serialize, Deserialize, PgJson)]
struct Address {
    street: String,
}

#[derive(PgTable)]
#[pg(table = "people")]
struct Person {
    name: String,
    profile: Json<Profile>,
}

#[derive(PgTable)]
#[pg(table = "orders")]
struct Order {
    id: i64,
}

async fn run(db: &pgrepo::Db) -> pgrepo::Result<()> {
    db.repository::<Order>().find(Person::PROFILE.at(Profile::CITY).eq("La Paz")).fetch_all().await?;
    Ok(())
}

fn main() {
    let _ = run;
}
