use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", schema = "app")]
struct User {
    id: i64,
}

fn main() {}
