use pgrepo::{PgPatch, PgTable};

#[derive(PgTable)]
#[pg(table = "users", unique = "name")]
struct User {
    #[pg(primary_key)]
    id: i64,
    name: String,
    #[pg(generated)]
    initials: String,
}

#[derive(PgTable)]
#[pg(table = "orders", unique = "number")]
struct Order {
    #[pg(primary_key)]
    id: i64,
    number: i32,
}

#[derive(PgPatch)]
#[pg(of = User)]
struct UserPatch {
    name: String,
}

fn main() {}
