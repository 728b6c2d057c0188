use pgrepo::PgJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PgJson)]
struct Profile {
    #[serde(rename = "home\u{1}town")]
    city: String,
}

fn main() {}
