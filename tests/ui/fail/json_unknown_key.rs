use pgrepo::PgJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PgJson)]
#[pg(table = "people")]
struct Profile {
    #[pg(column = "town")]
    city: String,
    mood: Mood,
}

#[derive(Serialize, Deserialize, PgJson)]
enum Mood {
    #[pg(opaque)]
    Sad(String),
}

fn main() {}
