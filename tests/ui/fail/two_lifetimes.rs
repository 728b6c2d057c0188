use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User<'a, 'b> {
    name: &'a str,
    nick: &'b str,
}

fn main() {}
