use pgrepo::{PgRecord, PgTable};

#[derive(PgRecord)]
struct Address {
    street: String,
    zip: String,
}

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
    #[pg(flatten)]
    home: Address,
}

fn main() {}
