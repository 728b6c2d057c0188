use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
    #[pg(column = "NAME")]
    #[allow(non_snake_case)]
    NAME: String,
}

fn main() {}
