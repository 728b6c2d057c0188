use pgrepo::PgTable;

#[derive(pgrepo::PgNewtype)]
struct Id(i64);

#[derive(PgTable)]
#[pg(table = "users", new = "NewUser")]
struct User {
    id: Id,
    ids: Vec<i32>,
}

fn main() {}
