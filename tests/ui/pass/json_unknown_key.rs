use pgrepo::PgJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PgJson)]
#[pg(crate = "pgrepo")]
struct Profile {
    #[pg(constant = "TOWN")]
    city: String,
    mood: Mood,
}

#[derive(Serialize, Deserialize, PgJson)]
enum Mood {
    #[pg(constant = "GRIEF")]
    Sad(String),
}

fn main() {}
