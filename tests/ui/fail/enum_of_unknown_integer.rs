use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(repr = "i32")]
enum Mood {
    Sad = 1,
}

fn main() {}
