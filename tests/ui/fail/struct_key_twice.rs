use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", table = "people")]
struct User {
    id: i64,
}

fn main() {}
