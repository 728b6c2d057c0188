use pgrepo::PgTable;

#[derive(PgTable)]
struct User {
    id: i64,
}

fn main() {}
