use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(gin_index)]
    profile: String,
}

fn main() {}
