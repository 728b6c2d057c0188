use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(repr = "int4")]
enum Mood {
    Sad = 1,
}

fn main() {}
