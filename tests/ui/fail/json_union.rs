use pgrepo::PgJson;

#[derive(PgJson)]
union Bits {
    whole: u32,
    halves: [u16; 2],
}

fn main() {}
