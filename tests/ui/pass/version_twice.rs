use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(primary_key)]
    id: i64,
    name: String,
    #[pg(version)]
    version: i32,
    revision: i32,
}

fn main() {}
