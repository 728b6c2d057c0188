use pgrepo::PgNewtype;

#[derive(PgNewtype)]
struct Email(String);

fn main() {}
