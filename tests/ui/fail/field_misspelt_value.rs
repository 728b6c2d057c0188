use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(sql_type = "varchars")]
    name: String,
}

fn main() {}
