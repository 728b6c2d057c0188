use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
    #[pg(identity)]
    rank: i64,
}

fn main() {}
