use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", read_only, new = "NewUser")]
struct User {
    id: i64,
}

fn main() {}
