use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(default = " ")]
    since: String,
}

fn main() {}
