use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(column = "id")]
    id: i64,
}

fn main() {}
