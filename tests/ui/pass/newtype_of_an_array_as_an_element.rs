use pgrepo::{PgNewtype, PgTable};

#[derive(PgNewtype)]
struct Tags(i32);

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    tags: Vec<Tags>,
}

fn main() {}
