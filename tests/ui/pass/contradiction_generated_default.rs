use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
    #[pg(generated)]
    rank: i32,
}

fn main() {}
