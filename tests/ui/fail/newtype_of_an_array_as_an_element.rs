use pgrepo::{PgNewtype, PgTable};

#[derive(PgNewtype)]
struct Tags(Vec<i32>);

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    tags: Vec<Tags>,
}

fn main() {}
