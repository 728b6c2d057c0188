use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
enum User {
    Id,
}

fn main() {}
