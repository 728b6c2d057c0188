use pgrepo::PgTable;

struct Mood;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    id: i64,
    #[pg(via_sqlx)]
    mood: Mood,
}

fn main() {
    let _ = Mood;
}
