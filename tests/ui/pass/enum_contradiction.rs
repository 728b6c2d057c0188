use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(text)]
enum Mood {
    Sad,
}

fn main() {}
