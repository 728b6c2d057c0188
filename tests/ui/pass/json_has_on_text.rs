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

fn main() {
    let _ = Person::PROFILE.at(Profile::SKILLS).has("La Paz");
}
