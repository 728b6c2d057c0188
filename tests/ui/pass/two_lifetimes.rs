use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User<'a> {
    name: &'a str,
    nick: &'a str,
}

fn main() {}
