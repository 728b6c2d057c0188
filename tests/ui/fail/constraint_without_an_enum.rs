use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", check = "users_age_check")]
struct User {
    #[pg(primary_key)]
    id: i64,
    email: String,
    age: i32,
}

fn main() {}
