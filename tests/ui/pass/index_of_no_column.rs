use pgrepo::{PgRecord, PgTable};

#[derive(PgTable)]
#[pg(table = "users", unique = "name", index = "name, id", index = "id", check = "users_ok: id > 0", index = "users_ok: id")]
#[pg(index = "users_name_idx: name", index = "users_lower_idx: (lower(name))", index = "a: id", index = "b: name")]
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
#[pg(table = "people", index = "name, home_street")]
struct Person {
    name: String,
    #[pg(flatten = "home_")]
    home: Address,
}

fn main() {}
