use pgrepo::{PgInsert, PgTable};

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(identity)]
    id: i64,
    name: String,
}

#[derive(PgInsert)]
#[pg(of = User)]
struct Named {
    name: String,
    #[pg(constant = "NAME")]
    nick: String,
}

fn main() {}
