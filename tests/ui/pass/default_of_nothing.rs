use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(default = "now()::text")]
    since: String,
}

fn main() {}
