use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    name: String,
    #[pg(column = "nick")]
    nick: String,
}

fn main() {}
