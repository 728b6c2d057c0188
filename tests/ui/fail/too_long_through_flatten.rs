use pgrepo::{PgRecord, PgTable};

#[derive(PgRecord)]
struct Address {
    street: String,
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: String,
}

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
    #[pg(flatten = "home_")]
    home: Address,
}

fn main() {}
