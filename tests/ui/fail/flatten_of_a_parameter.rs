use pgrepo::{PgRecord, PgTable};

#[derive(PgRecord)]
struct Address {
    street: String,
}

#[derive(PgTable)]
#[pg(table = "users")]
struct User<T> {
    id: T,
    #[pg(flatten)]
    home: T,
}

fn main() {}
