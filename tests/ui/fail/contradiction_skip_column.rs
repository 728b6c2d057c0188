use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
    #[pg(skip, column = "n")]
    note: String,
}

fn main() {}
