use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    id: i64,
}

fn main() {}
