use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", shema = "app")]
struct User {
    id: i64,
}

fn main() {}
