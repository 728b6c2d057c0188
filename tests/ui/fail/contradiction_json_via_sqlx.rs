use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
    #[pg(json, via_sqlx)]
    note: String,
}

fn main() {}
