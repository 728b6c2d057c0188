use pgrepo::{PgRecord, PgTable};

#[derive(PgTable)]
#[pg(table = "airports")]
struct Airport {
    #[pg(primary_key)]
    icao: String,
    city: Option<String>,
    elevation_ft: f64,
}

#[derive(PgRecord)]
#[pg(of = Airport)]
struct Place {
    icao: String,
    ctiy: Option<String>,
}

fn main() {}
