//! `tests/golden/golden.copy` was written by a server; these are the same values in Rust.

use std::fmt::Debug;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use pgrepo::copy::frame::{HEADER, TRAILER};
use pgrepo::value::take_field;
use pgrepo::{Decode, Encode, Hstore, Infinite, Json, Numeric, PgType, TypeInfo, TypeKind, Value};
use rust_decimal::Decimal;
use serde_json::json;
use tests::hostile::array_of;
use uuid::Uuid;

const GOLDEN: &[u8] = include_bytes!("../golden/golden.copy");

/// The fields that are not compared yet.
struct Golden {
    rest: &'static [u8],
    place: usize,
}

impl Golden {
    fn next(&mut self) -> Option<&'static [u8]> {
        self.place += 1;
        take_field(&mut self.rest).unwrap()
    }

    /// The next field is the value's, and reads as the value.
    fn is<V: Encode + Debug + PartialEq + for<'r> Decode<'r>>(&mut self, ty: &TypeInfo, value: V) {
        let field = self.next();
        let place = self.place;
        assert!(V::accepts(ty), "field {place}: {ty}");
        let mut out = Vec::new();
        value.encode(ty, &mut out).unwrap();
        let mut ours = out.as_slice();
        assert_eq!(take_field(&mut ours).unwrap(), field, "field {place}: {ty}, {value:?}");
        assert!(ours.is_empty());
        let back = match field {
            Some(body) => V::decode(ty, body).unwrap(),
            None => V::decode_null().unwrap(),
        };
        // By its text, so that NaN is NaN.
        assert_eq!(format!("{back:?}"), format!("{value:?}"), "field {place}: {ty}");
        let dynamic = Value::decode_as(ty, field).unwrap();
        let mut again = Vec::new();
        dynamic.encode_as(ty, &mut again).unwrap();
        assert_eq!(again, out, "field {place}: {dynamic:?}");
    }

    /// The next field holds the document, however it is spaced.
    fn is_json<V: Debug + PartialEq + Encode + for<'r> Decode<'r>>(&mut self, ty: &TypeInfo, value: V) {
        let field = self.next().unwrap();
        assert_eq!(V::decode(ty, field).unwrap(), value, "field {}", self.place);
        let mut out = Vec::new();
        value.encode(ty, &mut out).unwrap();
        assert_eq!(V::decode(ty, &out[4..]).unwrap(), value);
    }
}

fn numeric(text: &str) -> Numeric {
    text.parse().unwrap()
}

fn day(y: i32, m: u32, d: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(y, m, d).unwrap()
}

#[test]
fn our_bytes_are_the_servers() {
    let rest = GOLDEN.strip_prefix(HEADER).unwrap();
    let (count, rest) = rest.split_first_chunk::<2>().unwrap();
    let mut golden = Golden { rest: rest.strip_suffix(&TRAILER).unwrap(), place: 0 };
    let t = TypeInfo::builtin;
    let array = |ty| array_of(TypeInfo::builtin(ty));
    let g = &mut golden;

    g.is(&t(PgType::BOOL), true);
    g.is(&t(PgType::BOOL), false);
    g.is(&t(PgType::INT2), i16::MIN);
    g.is(&t(PgType::INT2), i16::MAX);
    g.is(&t(PgType::INT4), i32::MIN);
    g.is(&t(PgType::INT4), i32::MAX);
    g.is(&t(PgType::INT8), i64::MIN);
    g.is(&t(PgType::INT8), i64::MAX);
    g.is(&t(PgType::OID), u32::MAX);
    g.is(&t(PgType::FLOAT4), -1.5_f32);
    g.is(&t(PgType::FLOAT4), f32::INFINITY);
    g.is(&t(PgType::FLOAT8), -0.0);
    g.is(&t(PgType::FLOAT8), f64::MAX);
    g.is(&t(PgType::FLOAT8), f64::NEG_INFINITY);
    g.is(&t(PgType::FLOAT8), f64::NAN);

    g.is(&t(PgType::TEXT), String::new());
    g.is(&t(PgType::VARCHAR), "naïve ☃ 𝄞".to_owned());
    g.is(&t(PgType::BPCHAR), Box::<str>::from("ab  "));
    g.is(&t(PgType::NAME), "pg_class".to_owned());
    g.is(&t(PgType::BYTEA), Vec::<u8>::new());
    g.is(&t(PgType::BYTEA), [0_u8, 0xff, 0x10]);
    g.is(&t(PgType::UUID), Uuid::from_u128(0x0123_4567_89ab_cdef_0011_2233_4455_6677));

    g.is(&t(PgType::DATE), day(2000, 1, 1));
    g.is(&t(PgType::DATE), day(-4713, 11, 24));
    g.is(&t(PgType::DATE), day(262_142, 12, 31));
    g.is(&t(PgType::DATE), day(0, 12, 31));
    g.is(&t(PgType::DATE), Infinite::<NaiveDate>::Infinity);
    g.is(&t(PgType::DATE), Infinite::<NaiveDate>::NegInfinity);
    g.is(&t(PgType::TIME), NaiveTime::MIN);
    g.is(&t(PgType::TIME), NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap());
    g.is(&t(PgType::TIMESTAMP), day(-4713, 11, 24).and_time(NaiveTime::MIN));
    g.is(&t(PgType::TIMESTAMP), day(1999, 12, 31).and_hms_micro_opt(23, 59, 59, 999_999).unwrap());
    g.is(&t(PgType::TIMESTAMP), Infinite::<NaiveDateTime>::Infinity);
    g.is(&t(PgType::TIMESTAMPTZ), day(2024, 2, 29).and_hms_micro_opt(10, 0, 0, 1).unwrap().and_utc());
    let far = day(262_142, 12, 31).and_hms_micro_opt(23, 59, 59, 999_999).unwrap().and_utc();
    g.is(&t(PgType::TIMESTAMPTZ), far.fixed_offset());
    g.is(&t(PgType::TIMESTAMPTZ), Infinite::<DateTime<Utc>>::NegInfinity);

    g.is(&t(PgType::NUMERIC), Decimal::ZERO);
    g.is(&t(PgType::NUMERIC), Decimal::new(0, 2));
    g.is(&t(PgType::NUMERIC), Decimal::new(-12_345_678, 3));
    g.is(&t(PgType::NUMERIC), Decimal::from(10_000));
    g.is(&t(PgType::NUMERIC), Decimal::MAX);
    g.is(&t(PgType::NUMERIC), Decimal::new(1, 28));
    g.is(&t(PgType::NUMERIC), Decimal::new(-9_999_999_999_999_999, 8));
    g.is(&t(PgType::NUMERIC), Decimal::new(1_000_000_005, 1));
    g.is(&t(PgType::NUMERIC), numeric("NaN"));
    g.is(&t(PgType::NUMERIC), numeric("-Infinity"));
    g.is(&t(PgType::NUMERIC), numeric("1e100"));
    g.is(&t(PgType::NUMERIC), numeric("1234567890123456789012345678901234567890.5"));

    g.is_json(&t(PgType::JSON), json!({"a": [1, null, "x"]}));
    g.is_json(&t(PgType::JSONB), json!({"a": [1, null, "x"]}));
    g.is_json(&t(PgType::JSONB), Json("☃".to_owned()));
    let hstore = TypeInfo::new(16_385, "hstore", TypeKind::Plain);
    g.is(&hstore, [("a", Some("1")), ("b", None), ("c", Some(""))].into_iter().collect::<Hstore>());
    g.is(&hstore, Hstore::default());

    g.is(&array(PgType::INT4), Vec::<i32>::new());
    g.is(&array(PgType::INT4), vec![Some(1), None, Some(-3)]);
    g.is(&array(PgType::TEXT), vec![Some("a".to_owned()), Some(String::new()), None, Some("ü".to_owned())]);
    g.is(&array(PgType::BYTEA), vec![vec![0], vec![]]);
    g.is(&array(PgType::BOOL), [true, false]);
    g.is(&array(PgType::DATE), vec![day(2024, 2, 29).into(), Infinite::Infinity]);
    g.is(&array(PgType::NUMERIC), vec![Decimal::new(150, 2), Decimal::new(-1, 3)]);
    g.is_json(&array(PgType::JSONB), vec![json!({"a": 1}), json!([])]);
    g.is_json(&array(PgType::JSON), vec![json!({"a": 1}), json!([])]);
    g.is(&array(PgType::UUID), vec![Uuid::from_u128(0x0123_4567_89ab_cdef_0011_2233_4455_6677)]);
    g.is(&t(PgType::INT4), None::<i32>);
    g.is(&array(PgType::TEXT), None::<Vec<String>>);

    assert!(golden.rest.is_empty());
    assert_eq!(usize::from(u16::from_be_bytes(*count)), golden.place);
}
