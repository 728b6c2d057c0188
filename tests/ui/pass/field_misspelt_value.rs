use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(sql_type = "varchar")]
    name: String,
}

fn main() {}
