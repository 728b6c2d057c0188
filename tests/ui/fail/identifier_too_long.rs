use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users", schema = "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss")]
struct User {
    id: i64,
}

fn main() {}
