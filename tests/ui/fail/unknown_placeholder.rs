use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "airports")]
struct Airport {
    id: i64,
}

const ALL: &str = pgrepo::sql!("SELECT {colums} FROM airports a", Airport as a);

fn main() {
    let _ = ALL;
}
