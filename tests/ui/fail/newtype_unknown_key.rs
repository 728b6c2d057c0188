use pgrepo::PgNewtype;

#[derive(PgNewtype)]
#[pg(domian = "email")]
struct Email(String);

fn main() {}
