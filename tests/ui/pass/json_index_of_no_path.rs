use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", json_index = "PROFILE.document().key(\"city\")")]
struct User {
    profile: pgrepo::Json<std::collections::BTreeMap<String, String>>,
}

fn main() {}
