use pgrepo::{PgRecord, PgTable};

#[derive(PgRecord)]
struct Address {
    street: String,
}

#[derive(PgTable)]
#[pg(table = "people", unique = "name, home_city")]
struct Person {
    name: String,
    #[pg(flatten = "home_")]
    home: Address,
}

fn main() {}
