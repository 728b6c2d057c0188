use pgrepo::copy::frame::{encode_row, sent};
use pgrepo::{PgInsert, PgRecord, PgTable, Set, WriteFields, WriteRow};

#[derive(PgRecord)]
struct Address {
    street: String,
}

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(primary_key, identity)]
    id: i64,
    #[pg(column = "full name")]
    name: String,
    email: Option<String>,
    #[pg(default)]
    rank: i32,
    #[pg(flatten = "home_")]
    home: Address,
    r#type: i16,
}

#[derive(PgInsert)]
#[pg(of = User)]
struct Some<'a> {
    r#type: &'a i16,
    name: &'a str,
    email: &'a str,
    rank: Set<i32>,
    #[pg(constant = "HOME.at(Address::STREET)")]
    street: &'a str,
    #[pg(skip)]
    note: &'a str,
}

#[test]
fn a_subset_is_written_by_the_tables_columns() {
    fn is_row<R: WriteRow<Table = User>>(row: R) -> R {
        row
    }
    let row = is_row(Some { r#type: &1, name: "Ann", email: "a@b", rank: Set::Server, street: "S", note: "" });
    let columns = <Some<'_> as WriteFields>::COLUMNS;
    let names: Vec<String> = columns.iter().map(|c| c.spec.name.to_string()).collect();
    assert_eq!(names, ["type", "full name", "email", "rank", "home_street"]);
    assert_eq!((columns[1].spec.field, columns[1].spec.rust_type), ("name", "&'a str"));
    assert!(columns[2].nullable && columns[3].spec.default);
    assert_eq!(sent(&row).unwrap(), [true, true, true, false, true]);
    let row = Some { rank: Set::To(2), ..row };
    let mut out = Vec::new();
    encode_row(&row, &[], &mut out).unwrap();
    assert_eq!(out, b"\0\x05\0\0\0\x02\0\x01\0\0\0\x03Ann\0\0\0\x03a@b\0\0\0\x04\0\0\0\x02\0\0\0\x01S");
    assert_eq!(row.note, "");
}
