use pgrepo::{PgRecord, PgTable};

#[derive(PgTable)]
#[pg(table = "users", unique = "name", index = "nmae", index = "id, id", index = "")]
#[pg(index = "users_name_key: name", index = "(lower(name))", index = "users_low: ( ", index = "a: id", index = "a: name")]
#[pg(index = ": id", index = 1, index = "id DESC", index = "users: id")]
struct User {
    #[pg(primary_key)]
    id: i64,
    name: String,
}

#[derive(PgRecord)]
struct Address {
    street: String,
}

#[derive(PgTable)]
#[pg(table = "people", index = "name, home_city")]
struct Person {
    name: String,
    #[pg(flatten = "home_")]
    home: Address,
}

fn main() {}
