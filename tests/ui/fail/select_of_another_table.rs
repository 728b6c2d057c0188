use pgrepo::{Db, PgRecord, PgTable};

#[derive(PgTable)]
#[pg(table = "airports")]
struct Airport {
    #[pg(primary_key)]
    icao: String,
    city: Option<String>,
}

#[derive(PgTable)]
#[pg(table = "cities")]
struct City {
    #[pg(primary_key)]
    city: String,
}

#[derive(PgRecord)]
#[pg(of = City)]
struct Place {
    city: Option<String>,
}

async fn run(db: &Db) -> pgrepo::Result<Vec<Place>> {
    db.repository::<Airport>().all().select::<Place>().fetch_all().await
}

fn main() {
    let _ = run;
}
