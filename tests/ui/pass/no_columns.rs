use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(skip)]
    note: String,
    id: i64,
}

fn main() {}
