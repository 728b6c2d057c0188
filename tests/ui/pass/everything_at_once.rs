use pgrepo::PgTable;

struct Opaque;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(primary_key)]
    id: i64,
    #[pg(column = "name")]
    name: String,
    #[pg(generated)]
    rank: i32,
    #[pg(column = "motto")]
    motto: String,
    #[pg(primary_key)]
    realm: i32,
    #[pg(skip)]
    note: String,
}

fn main() {
    let _ = Opaque;
    let _ = User::NAME;
}
