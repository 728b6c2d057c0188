use pgrepo::PgNewtype;

#[derive(PgNewtype)]
#[pg(domain = "email")]
struct Email(String);

fn main() {}
