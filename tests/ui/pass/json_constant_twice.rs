use pgrepo::PgJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PgJson)]
struct Profile {
    city: String,
    #[pg(constant = "TOWN")]
    town: String,
    #[serde(rename = "Town")]
    #[pg(constant = "BIG")]
    #[allow(non_snake_case)]
    CITY: String,
}

fn main() {}
