use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", unique = "id, name")]
struct User {
    #[pg(primary_key)]
    id: i64,
    name: String,
    #[pg(version)]
    version: i32,
}

fn main() {}
