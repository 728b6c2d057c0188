use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(text, name = "mood")]
enum Mood {
    Sad,
}

fn main() {}
