use pgrepo::PgTable;

struct Opaque;

#[derive(PgTable)]
#[pg(tabel = "users", rename_all = "Snake")]
struct User {
    #[pg(primary)]
    id: i64,
    #[pg(column = "id")]
    name: String,
    #[pg(generated, default)]
    rank: i32,
    #[pg(column = "")]
    motto: String,
    #[pg(primary_key)]
    realm: Option<i32>,
    #[pg(skip, json)]
    note: String,
}

fn main() {
    let _ = Opaque;
    let _ = User::NAME;
}
