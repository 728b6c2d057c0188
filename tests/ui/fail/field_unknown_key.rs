use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(primary)]
    id: i64,
}

fn main() {}
