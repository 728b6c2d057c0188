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
    #[pg(flatten = "h_")]
    home: Address,
}

fn main() {}
