use pgrepo::{PgRecord, PgTable};

#[derive(PgRecord)]
struct Point {
    lat: f64,
}

#[derive(PgTable)]
#[pg(table = "airports")]
struct Airport {
    icao: String,
    #[pg(flatten = "at_")]
    at: Point,
}

#[derive(PgRecord)]
#[pg(of = Airport)]
struct Place {
    icao: String,
    #[pg(flatten = "at_")]
    at: Point,
}

fn main() {}
