use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", rename_all = "snakecase")]
struct User {
    id: i64,
}

fn main() {}
