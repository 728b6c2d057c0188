use pgrepo::{Error, PgTable};

#[derive(PgTable)]
#[pg(table = "users", constraints = "UserConstraint", unique = "email", check = "users_age_check")]
struct User {
    #[pg(primary_key)]
    id: i64,
    email: String,
    age: i32,
}

fn told(error: &Error) -> &'static str {
    match error.violation::<User>() {
        Some(UserConstraint::PrimaryKey) => "the number is taken",
        Some(UserConstraint::UniqueEmail) => "the address is taken",
        Some(UserConstraint::CheckAge) => "nobody is as old",
        None => "something else",
    }
}

fn main() {}
