use pgrepo::{PgInsert, PgTable};

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(identity)]
    id: i64,
    name: String,
}

#[derive(PgInsert)]
#[pg(of = Vec<i32>)]
struct Named {
    name: String,
}

fn main() {}
