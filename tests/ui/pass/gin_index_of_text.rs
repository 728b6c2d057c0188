use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(gin_index)]
    profile: serde_json::Value,
}

fn main() {}
