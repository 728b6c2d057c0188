use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(repr = "int4")]
enum Mood {
    Sad = 1,
    Happy = 2,
}

fn main() {}
