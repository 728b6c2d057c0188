use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(nam = "mood")]
enum Mood {
    Sad,
}

fn main() {}
