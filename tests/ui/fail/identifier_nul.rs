use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(column = "i\0d")]
    id: i64,
}

fn main() {}
