use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", rename_all = "snake_case")]
struct User {
    id: i64,
}

fn main() {}
