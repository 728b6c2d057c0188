use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(name = "mood")]
enum Mood {
    Sad,
}

fn main() {}
