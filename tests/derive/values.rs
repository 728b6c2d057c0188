use pgrepo::value::{PgType, SqlType, TypeInfo, TypeKind, decode_field};
use pgrepo::{Decode, Element, Encode, PgEnum, PgNewtype};

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
#[pg(schema = "app", rename_all = "kebab-case")]
enum Mood {
    Happy,
    #[pg(rename = "so so")]
    SoSo,
    VerySad,
}

#[derive(Debug, PartialEq, PgEnum)]
#[pg(text, rename_all = "SCREAMING_SNAKE_CASE")]
enum Level {
    Low,
    VeryHigh,
}

#[derive(Debug, PartialEq, PgEnum)]
#[pg(repr = "int2")]
enum Status {
    Open = 1,
    Closed = -2,
}

#[derive(Debug, PartialEq, PgNewtype)]
#[pg(domain = "email", schema = "app")]
struct Email(String);

#[derive(Debug, PartialEq, PgNewtype)]
struct Tags {
    all: Vec<i32>,
}

#[derive(Debug, PartialEq, PgNewtype)]
struct Id<T>(T);

#[derive(Debug, PartialEq, PgNewtype)]
struct Name<'a>(&'a str);

fn field<V: Encode>(value: &V) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&TypeInfo::UNKNOWN, &mut out).unwrap();
    out
}

fn back<'r, V: Decode<'r>>(body: &'r [u8]) -> V {
    V::decode(&TypeInfo::UNKNOWN, body).unwrap()
}

#[test]
fn an_enum_of_the_servers() {
    assert_eq!(Mood::TYPES, [PgType::named("mood").in_schema("app")]);
    assert!(Mood::accepts(&TypeInfo::new(70_000, "mood", TypeKind::Plain)));
    assert!(!Mood::accepts(&TypeInfo::builtin(PgType::TEXT)));
    for (mood, label) in [(Mood::Happy, "happy"), (Mood::SoSo, "so so"), (Mood::VerySad, "very-sad")] {
        assert_eq!(field(&mood)[4..], *label.as_bytes());
        assert_eq!(back::<Mood>(label.as_bytes()), mood);
    }
    let error = Mood::decode(&TypeInfo::UNKNOWN, b"angry").unwrap_err();
    assert_eq!(error.to_string(), r#""angry" is no label of `Mood`, which has "happy", "so so", "very-sad""#);
    fn element<T: Element>() {}
    element::<Mood>();
}

#[test]
fn an_enum_kept_as_text() {
    assert_eq!(Level::TYPES, str::TYPES);
    assert_eq!(field(&Level::VeryHigh), b"\0\0\0\x09VERY_HIGH");
    assert_eq!(back::<Level>(b"LOW"), Level::Low);
}

#[test]
fn an_enum_kept_as_numbers() {
    assert_eq!(Status::TYPES, [PgType::INT2]);
    assert_eq!(field(&Status::Closed), b"\0\0\0\x02\xff\xfe");
    assert_eq!(back::<Status>(b"\0\x01"), Status::Open);
    let error = Status::decode(&TypeInfo::UNKNOWN, b"\0\x07").unwrap_err();
    assert_eq!(error.to_string(), "7 is no number of `Status`, which has 1, -2");
}

#[test]
fn newtypes_stand_for_their_field() {
    assert_eq!(Email::TYPES[0], PgType::named("email").in_schema("app"));
    assert_eq!(Email::TYPES[1..], *String::TYPES);
    let text = TypeInfo::builtin(PgType::TEXT);
    assert!(Email::accepts(&TypeInfo::new(70_001, "email", TypeKind::Domain(text.into()))));
    assert_eq!(field(&Email("a@b".to_owned())), b"\0\0\0\x03a@b");
    assert_eq!(back::<Email>(b"a@b"), Email("a@b".to_owned()));
    const { assert!(<Tags as SqlType>::ARRAY) };
    let tags = Tags { all: vec![] };
    let ints = TypeInfo::new(1007, "int4[]", TypeKind::Array(TypeInfo::builtin(PgType::INT4).into()));
    let mut out = Vec::new();
    tags.encode(&ints, &mut out).unwrap();
    assert_eq!(Tags::decode(&ints, &out[4..]).unwrap(), tags);
    assert_eq!(field(&Id(5_i16)), b"\0\0\0\x02\0\x05");
    const { assert!(<Id<Option<i64>> as SqlType>::NULLABLE) };
    assert_eq!(decode_field::<Id<Option<i64>>>(&TypeInfo::UNKNOWN, None).unwrap(), Id(None));
    assert_eq!(back::<Name<'_>>(b"Ann"), Name("Ann"));
    fn element<T: Element>() {}
    element::<Email>();
    element::<Id<i32>>();
}
