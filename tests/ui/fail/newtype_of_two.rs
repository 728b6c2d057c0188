use pgrepo::PgNewtype;

#[derive(PgNewtype)]
struct Email(String, String);

fn main() {}
