use pgrepo::PgJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PgJson)]
struct Profile {
    city: String,
    #[pg(constant = "CITY")]
    town: String,
    #[serde(rename = "Town")]
    #[allow(non_snake_case)]
    CITY: String,
}

fn main() {}
