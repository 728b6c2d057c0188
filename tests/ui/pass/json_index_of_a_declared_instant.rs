use pgrepo::{Json, PgJson, PgTable};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PgJson)]
struct Visit {
    at: chrono::DateTime<chrono::Utc>,
    day: chrono::NaiveDate,
}

#[derive(PgTable)]
#[pg(table = "visits", json_index = "VISIT.at(Visit::DAY)")]
struct Row {
    visit: Json<Visit>,
}

fn main() {}
