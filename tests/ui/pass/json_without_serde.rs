use pgrepo::PgTable;

#[derive(serde::Serialize, serde::Deserialize)]
struct Profile {
    city: String,
}

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    id: i64,
    #[pg(json)]
    profile: Profile,
}

fn main() {}
