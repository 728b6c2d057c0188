use pgrepo::{Db, PgTable};

#[derive(PgTable)]
#[pg(table = "regions")]
struct Region {
    #[pg(primary_key)]
    id: i64,
}

#[derive(PgTable)]
#[pg(table = "airports")]
struct Airport {
    #[pg(primary_key)]
    icao: String,
    #[pg(flatten = "region_")]
    region: Region,
}

async fn run(db: &Db, airport: &Airport) -> pgrepo::Result<()> {
    db.repository::<Airport>().insert(airport).await?;
    Ok(())
}

fn main() {
    let _ = run;
}
