use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
    #[pg(column = "NAME", constant = "LOUD_NAME")]
    #[allow(non_snake_case)]
    NAME: String,
}

fn main() {}
