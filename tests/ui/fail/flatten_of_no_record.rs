use pgrepo::{PgRecord, PgTable};

struct Address {
    street: String,
}

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    id: i64,
    #[pg(flatten)]
    home: Address,
}

fn main() {
    let _ = PgRecordIsUsed { id: 1 };
}

#[derive(PgRecord)]
struct PgRecordIsUsed {
    id: i64,
}
