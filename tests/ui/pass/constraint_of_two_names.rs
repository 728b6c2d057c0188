use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", constraints = "UserConstraint", unique = "email", check = "users_age_check", check = "grown_up")]
struct User {
    #[pg(primary_key)]
    id: i64,
    email: String,
    age: i32,
}

fn main() {}
