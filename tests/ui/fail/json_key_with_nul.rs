use pgrepo::PgJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PgJson)]
struct Profile {
    #[serde(rename = "home\0town")]
    city: String,
}

fn main() {}
