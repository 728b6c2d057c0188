use pgrepo::{Error, PgTable};

#[derive(PgTable)]
#[pg(table = "users", constraints = "UserConstraint")]
struct User {
    #[pg(primary_key)]
    id: i64,
}

fn told(error: &Error) -> bool {
    error.violation::<User>().is_some()
}

fn main() {}
