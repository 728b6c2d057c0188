use std::num::NonZeroUsize;

use pgrepo::{Db, Page, PageToken, PgTable};

#[derive(PgTable)]
#[pg(table = "airports")]
struct Airport {
    #[pg(primary_key)]
    icao: String,
}

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(primary_key)]
    id: i64,
}

async fn run(db: &Db, size: NonZeroUsize, token: Option<PageToken<Airport>>) -> pgrepo::Result<Page<Airport>> {
    db.repository::<Airport>().all().pages(size).after(token).fetch_page().await
}

fn main() {
    let _ = run;
}
