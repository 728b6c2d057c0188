use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", read_only)]
struct User {
    id: i64,
}

fn main() {}
