use pgrepo::PgJson;

#[derive(PgJson)]
struct Bits {
    whole: u32,
    halves: [u16; 2],
}

fn main() {}
