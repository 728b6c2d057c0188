use pgrepo::PgRecord;

#[derive(PgRecord)]
struct Region {
    id: i64,
    name: Option<String>,
}

#[derive(PgRecord)]
struct Trip {
    #[pg(flatten = "r_", marker)]
    region: Option<Region>,
}

fn main() {}
