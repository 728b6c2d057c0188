use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(primary_key = true)]
    id: i64,
}

fn main() {}
