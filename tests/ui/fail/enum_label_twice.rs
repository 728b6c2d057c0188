use pgrepo::PgEnum;

#[derive(PgEnum)]
#[pg(rename_all = "lowercase")]
enum Mood {
    Sad,
    #[pg(rename = "sad")]
    Glum,
}

fn main() {}
