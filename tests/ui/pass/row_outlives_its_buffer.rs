use pgrepo::PgTable;
use pgrepo::copy::frame::decode_row;

#[derive(PgTable)]
#[pg(table = "users")]
struct User<'a> {
    name: &'a str,
}

fn main() {
    let tuple = b"\0\0\0\x03Ann".to_vec();
    let user = decode_row::<User<'_>>(&tuple, &[]);
    
    drop(user);
}
