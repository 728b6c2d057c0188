use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", check = "users_age_check:")]
struct User {
    age: i32,
}

fn main() {}
