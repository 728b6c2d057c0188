use pgrepo::copy::frame::{decode_row, encode_row};
use pgrepo::table::{ServerMade, Writable};
use pgrepo::value::{PgType, TypeInfo};
use pgrepo::{Column, OwnedRow, PgRecord, PgTable, PrimaryKey, Record, WriteFields, WriteRow};

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "users", schema = "app", new = "NewUser", new_derive = "Debug, Clone")]
struct User {
    #[pg(primary_key, identity)]
    id: i64,
    name: String,
    #[pg(column = "e-mail")]
    email: Option<String>,
    #[pg(default)]
    rank: i32,
    #[pg(generated)]
    initials: String,
    r#type: i16,
    #[pg(skip)]
    cached: Vec<u8>,
}

fn types<R: Record>() -> Vec<TypeInfo> {
    R::COLUMNS.iter().map(|c| TypeInfo::builtin(c.types[0])).collect()
}

#[test]
fn a_table_is_described() {
    assert_eq!(User::TABLE.to_string(), "app.users");
    let names: Vec<String> = User::TABLE.columns.iter().map(|c| c.spec.name.to_string()).collect();
    assert_eq!(names, ["id", "name", "e-mail", "rank", "initials", "type"]);
    let spec = User::SPECS[0];
    assert!(spec.primary_key && spec.identity && !spec.generated && !spec.default);
    assert_eq!((spec.field, spec.rust_type), ("id", "i64"));
    assert_eq!(User::SPECS[2].rust_type, "Option<String>");
    assert_eq!(User::SPECS[5].field, "type");
    assert!(User::TABLE.columns[2].nullable && !User::TABLE.columns[1].nullable);
}

#[test]
fn the_statements_are_constants() {
    const COLUMNS: &str = r#""id", "name", "e-mail", "rank", "initials", "type""#;
    assert_eq!(User::SELECT, format!(r#"SELECT {COLUMNS} FROM "app"."users""#));
    assert_eq!(User::COPY_IN, r#"COPY "app"."users" ("name", "e-mail", "rank", "type") FROM STDIN (FORMAT binary)"#);
    assert_eq!(User::COPY_OUT, format!(r#"COPY (SELECT {COLUMNS} FROM "app"."users") TO STDOUT (FORMAT binary)"#));
    assert_eq!(User::SELECT_BY_KEY, format!(r#"{} WHERE "id" = $1"#, User::SELECT));
    assert_eq!(User::DELETE_BY_KEY, r#"DELETE FROM "app"."users" WHERE "id" = $1"#);
}

#[test]
fn each_column_has_a_constant() {
    let _: Column<User, i64, ServerMade> = User::ID;
    let _: Column<User, String, ServerMade> = User::INITIALS;
    let email: Column<User, Option<String>, Writable> = User::EMAIL;
    assert_eq!(email.name().to_string(), "e-mail");
    assert_eq!(User::TYPE.name().to_string(), "type");
}

fn ann() -> User {
    User { id: 7, name: "Ann".to_owned(), email: None, rank: 3, initials: "A".to_owned(), r#type: 2, cached: vec![] }
}

#[test]
fn a_row_is_written_without_generated_columns() {
    let mut out = Vec::new();
    encode_row(&ann(), &[], &mut out).unwrap();
    let expected =
        b"\0\x05\0\0\0\x08\0\0\0\0\0\0\0\x07\0\0\0\x03Ann\xff\xff\xff\xff\0\0\0\x04\0\0\0\x03\0\0\0\x02\0\x02";
    assert_eq!(out, expected);
    assert_eq!(<User as WriteFields>::COLUMNS.len(), 5);
}

#[test]
fn a_row_is_read() {
    let tuple =
        b"\0\0\0\x08\0\0\0\0\0\0\0\x07\0\0\0\x03Ann\xff\xff\xff\xff\0\0\0\x04\0\0\0\x03\0\0\0\x01A\0\0\0\x02\0\x02";
    let types = types::<User>();
    assert_eq!(decode_row::<User>(tuple, &types).unwrap(), ann());
    fn owned<T: OwnedRow>() {}
    owned::<User>();
}

#[test]
fn a_new_row_leaves_out_what_the_server_makes() {
    use pgrepo::Set;
    fn is_row<R: WriteRow<Table = User>>(_: &R) {}
    let new = NewUser { name: "Bo".to_owned(), email: None, rank: Set::To(1), r#type: 4 };
    is_row(&new);
    let names: Vec<String> = <NewUser as WriteFields>::COLUMNS.iter().map(|c| c.spec.name.to_string()).collect();
    assert_eq!(names, ["name", "e-mail", "rank", "type"]);
    let mut out = Vec::new();
    encode_row(&new, &[], &mut out).unwrap();
    assert_eq!(out, b"\0\x04\0\0\0\x02Bo\xff\xff\xff\xff\0\0\0\x04\0\0\0\x01\0\0\0\x02\0\x04");
    let left = NewUser { rank: Set::Server, ..new };
    assert!(encode_row(&left, &[], &mut out).is_err());
    assert_eq!(pgrepo::copy::frame::sent(&left).unwrap(), [true, true, false, true]);
}

#[derive(Debug, PartialEq, PgRecord)]
struct Address {
    street: String,
    zip: Option<i32>,
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "people")]
struct Person<'a, T> {
    #[pg(primary_key)]
    id: T,
    #[pg(primary_key)]
    realm: i16,
    name: &'a str,
    #[pg(flatten = "home_")]
    home: Address,
    #[pg(flatten)]
    work: Address,
}

#[test]
fn generic_borrowed_and_embedded() {
    assert_eq!(
        <Person<'_, i64>>::SELECT,
        r#"SELECT "id", "realm", "name", "home_street", "home_zip", "street", "zip" FROM "people""#
    );
    const STREET: Column<Person<'static, i32>, String> = Person::HOME.at(Address::STREET);
    assert_eq!(STREET.name().to_string(), "home_street");
    fn keyed<T: PrimaryKey<Key = (i64, i16)>>() {}
    keyed::<Person<'_, i64>>();
    let person = Person {
        id: 1_i64,
        realm: 2,
        name: "Ann",
        home: Address { street: "A".to_owned(), zip: None },
        work: Address { street: "B".to_owned(), zip: Some(9) },
    };
    let mut out = Vec::new();
    encode_row(&person, &[], &mut out).unwrap();
    let types = types::<Person<'_, i64>>();
    let back = decode_row::<Person<'_, i64>>(&out[2..], &types).unwrap();
    assert_eq!(back, person);
    assert_eq!(types[0], TypeInfo::builtin(PgType::INT8));
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "notes", new = "NewNote")]
struct Note {
    #[pg(json)]
    tags: Vec<String>,
    #[pg(json, default, sql_type = "json")]
    extra: Option<Vec<i32>>,
    #[pg(via_sqlx, sql_type = "ltree")]
    path: String,
    #[pg(via_sqlx, default)]
    level: Option<i32>,
}

#[test]
fn json_and_the_drivers_own_types() {
    let types: Vec<_> = Note::TABLE.columns.iter().map(|c| (c.sql_type(), c.nullable)).collect();
    let expected = [("jsonb", false), ("json", true), ("ltree", false), ("?", true)];
    assert_eq!(types, expected.map(|(ty, nullable)| (ty.to_owned(), nullable)));
    let _: Column<Note, Option<pgrepo::Json<Vec<i32>>>> = Note::EXTRA;
    let note = Note { tags: vec!["a".to_owned()], extra: None, path: "x.y".to_owned(), level: Some(7) };
    let jsonb = TypeInfo::builtin(PgType::JSONB);
    let mut out = Vec::new();
    let jsonb = [jsonb.clone(), jsonb];
    encode_row(&note, &jsonb, &mut out).unwrap();
    assert_eq!(out, b"\0\x04\0\0\0\x06\x01[\"a\"]\xff\xff\xff\xff\0\0\0\x03x.y\0\0\0\x04\0\0\0\x07");
    let new = NewNote {
        tags: vec![],
        extra: pgrepo::Set::To(Some(vec![1])),
        path: String::new(),
        level: pgrepo::Set::Server,
    };
    assert_eq!(pgrepo::copy::frame::sent(&new).unwrap(), [true, true, true, false]);
    assert!(Note::TABLE.columns[2].accepts(&TypeInfo::builtin(PgType::TEXT)));
    assert!(!Note::TABLE.columns[3].accepts(&TypeInfo::builtin(PgType::INT8)));
    let copied = decode_row::<Note>(&out[2..], &jsonb).unwrap_err();
    assert_eq!(copied.index, 2);
}

#[derive(PgTable)]
#[pg(table = "readings", rename_all = "camelCase")]
#[allow(dead_code, reason = "only described")]
struct Reading {
    sensor_id: i32,
    #[pg(flatten = "low_")]
    low: Named,
}

#[derive(PgRecord)]
#[pg(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(dead_code, reason = "only described")]
struct Named {
    at_day: i32,
}

#[test]
fn names_are_rewritten() {
    assert_eq!(Reading::SELECT, r#"SELECT "sensorId", "low_AT_DAY" FROM "readings""#);
    assert_eq!(Reading::LOW.at(Named::AT_DAY).name().to_string(), "low_AT_DAY");
}
