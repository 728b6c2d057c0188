use pgrepo::PgTable;

struct Cache(i64);

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    id: i64,
    #[pg(skip)]
    cache: Cache,
}

fn main() {}
