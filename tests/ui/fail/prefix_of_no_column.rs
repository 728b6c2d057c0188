use pgrepo::{PgRecord, PgTable};

#[derive(PgTable)]
#[pg(table = "airports")]
struct Airport {
    icao: String,
}

#[derive(PgRecord)]
struct Trip {
    #[pg(flatten = "from_")]
    from: Airport,
    #[pg(flatten = "to_")]
    to: Airport,
}

const ALL: &str = pgrepo::sql!("SELECT {columns} FROM airports f, airports t", Trip { "from_" => f, "too_" => t });

fn main() {
    let _ = ALL;
}
