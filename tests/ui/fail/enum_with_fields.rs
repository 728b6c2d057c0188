use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(name = "mood")]
enum Mood {
    Sad(i32),
}

fn main() {}
