use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", schema = "sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss")]
struct User {
    id: i64,
}

fn main() {}
