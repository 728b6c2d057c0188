use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(repr = "int2")]
enum Mood {
    Sad = 7_000,
}

fn main() {}
