use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", schema = 3)]
struct User {
    id: i64,
}

fn main() {}
