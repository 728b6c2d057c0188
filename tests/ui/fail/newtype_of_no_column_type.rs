use pgrepo::PgNewtype;

#[derive(PgNewtype)]
struct Email(std::rc::Rc<str>);

fn main() {}
