use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User(i64);

fn main() {}
