//! What is written is read as the same value, for any value of each family.

use std::fmt::Debug;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use pgrepo::copy::frame::{decode_row, encode_row};
use pgrepo::value::take_field;
use pgrepo::{Decode, Encode, Hstore, Infinite, Json, Numeric, PgType, TypeInfo, Value};
use proptest::prelude::*;
use proptest::{collection, option};
use rust_decimal::Decimal;
use tests::hostile::array_of;
use tests::rows::{Narrow, NarrowRef, narrow_types};
use uuid::Uuid;

fn back<V: Encode + for<'r> Decode<'r>>(value: &V, ty: &TypeInfo) -> V {
    let mut out = vec![0xee; 3];
    value.encode(ty, &mut out).unwrap();
    let mut rest = &out[3..];
    let field = take_field(&mut rest).unwrap();
    assert!(rest.is_empty());
    match field {
        Some(body) => V::decode(ty, body).unwrap(),
        None => V::decode_null().unwrap(),
    }
}

/// Alone, in an array with NULLs, and through a dynamic value.
fn there_and_back<V>(value: V, ty: PgType) -> Result<(), TestCaseError>
where
    V: Encode + pgrepo::Element + Clone + Debug + PartialEq + for<'r> Decode<'r>,
{
    let ty = TypeInfo::builtin(ty);
    prop_assert_eq!(&back(&value, &ty), &value);
    prop_assert_eq!(&back(&Some(value.clone()), &ty), &Some(value.clone()));
    let items = vec![Some(value.clone()), None, Some(value.clone())];
    prop_assert_eq!(&back(&items, &array_of(ty.clone())), &items);
    let mut ours = Vec::new();
    value.encode(&ty, &mut ours).unwrap();
    let dynamic = Value::decode_as(&ty, take_field(&mut ours.as_slice()).unwrap()).unwrap();
    let mut again = Vec::new();
    dynamic.encode_as(&ty, &mut again).unwrap();
    prop_assert_eq!(again, ours);
    Ok(())
}

fn texts() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|s| s.replace('\0', "\u{fffd}"))
}

fn days() -> impl Strategy<Value = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(-4713, 11, 24).unwrap();
    (0..97_000_000_i64)
        .prop_filter_map("past chrono's last day", move |n| first.checked_add_signed(TimeDelta::try_days(n).unwrap()))
}

fn times() -> impl Strategy<Value = NaiveTime> {
    (0..86_400_u32, 0..1_000_000_u32)
        .prop_map(|(s, micros)| NaiveTime::from_num_seconds_from_midnight_opt(s, micros * 1_000).unwrap())
}

fn timestamps() -> impl Strategy<Value = NaiveDateTime> {
    (days(), times()).prop_map(|(day, time)| day.and_time(time))
}

fn infinite<T: Debug + Clone + 'static>(
    finite: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Infinite<T>> {
    prop_oneof![
        8 => finite.prop_map(Infinite::Finite),
        1 => Just(Infinite::Infinity),
        1 => Just(Infinite::NegInfinity),
    ]
}

fn decimals() -> impl Strategy<Value = Decimal> {
    (any::<i128>(), 0..97_u32, 0..=28_u32)
        .prop_map(|(n, bits, scale)| Decimal::from_i128_with_scale(n % (1_i128 << bits.clamp(1, 96)), scale))
}

fn numerics() -> impl Strategy<Value = Numeric> {
    "-?[0-9]{1,60}(\\.[0-9]{0,60})?(e-?[0-9]{1,3})?|NaN|-?Infinity".prop_map(|text| text.parse().unwrap())
}

fn documents() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e15..1e15_f64).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn numbers(a: i16, b: i32, c: i64, d: u32, e: bool) {
        there_and_back(a, PgType::INT2)?;
        there_and_back(b, PgType::INT4)?;
        there_and_back(c, PgType::INT8)?;
        there_and_back(d, PgType::OID)?;
        there_and_back(e, PgType::BOOL)?;
    }

    #[test]
    fn floats(a in any::<u32>(), b in any::<u64>()) {
        let ty = TypeInfo::builtin(PgType::FLOAT4);
        prop_assert_eq!(back(&f32::from_bits(a), &ty).to_bits(), a);
        let ty = TypeInfo::builtin(PgType::FLOAT8);
        prop_assert_eq!(back(&f64::from_bits(b), &ty).to_bits(), b);
    }

    #[test]
    fn texts_and_bytes(text in texts(), bytes: Vec<u8>, id: u128) {
        there_and_back(text, PgType::TEXT)?;
        there_and_back(bytes, PgType::BYTEA)?;
        there_and_back(Uuid::from_u128(id), PgType::UUID)?;
    }

    #[test]
    fn a_text_is_refused_exactly_when_it_holds_nul(text in "[\\x00ab☃]{0,40}") {
        let written = text.encode(&TypeInfo::builtin(PgType::TEXT), &mut Vec::new());
        prop_assert_eq!(written.is_err(), text.contains('\0'));
    }

    #[test]
    fn dates_and_times(day in infinite(days()), time in times(), stamp in infinite(timestamps())) {
        there_and_back(day, PgType::DATE)?;
        there_and_back(time, PgType::TIME)?;
        there_and_back(stamp, PgType::TIMESTAMP)?;
        if let Infinite::Finite(stamp) = stamp {
            there_and_back(stamp, PgType::TIMESTAMP)?;
            there_and_back(stamp.and_utc(), PgType::TIMESTAMPTZ)?;
            there_and_back(stamp.and_utc().fixed_offset(), PgType::TIMESTAMPTZ)?;
        }
    }

    #[test]
    fn nanoseconds_are_cut_towards_the_past(stamp in timestamps(), nanos in 0..1_000_i64) {
        let fine = stamp.checked_add_signed(TimeDelta::nanoseconds(nanos)).unwrap();
        prop_assert_eq!(back(&fine, &TypeInfo::builtin(PgType::TIMESTAMP)), stamp);
    }

    #[test]
    fn any_instant_is_written_or_refused(seconds: i64, nanos in 0..2_000_000_000_u32) {
        if let Some(t) = DateTime::<Utc>::from_timestamp(seconds % 9_000_000_000_000, nanos) {
            let ty = TypeInfo::builtin(PgType::TIMESTAMPTZ);
            let mut out = Vec::new();
            if t.encode(&ty, &mut out).is_ok() {
                let back = DateTime::<Utc>::decode(&ty, &out[4..]).unwrap();
                prop_assert_eq!(back.timestamp_micros(), t.timestamp_micros());
            }
        }
    }

    #[test]
    fn decimals_keep_their_scale(value in decimals()) {
        there_and_back(value, PgType::NUMERIC)?;
        prop_assert_eq!(back(&value, &TypeInfo::builtin(PgType::NUMERIC)).scale(), value.scale());
        let text: Numeric = value.to_string().parse().unwrap();
        prop_assert_eq!(text, Numeric::from(value));
    }

    #[test]
    fn numerics_keep_their_text(value in numerics()) {
        there_and_back(value.clone(), PgType::NUMERIC)?;
        prop_assert_eq!(value.to_string().parse::<Numeric>().unwrap(), value.clone());
        let ty = TypeInfo::builtin(PgType::NUMERIC);
        let mut out = Vec::new();
        value.encode(&ty, &mut out).unwrap();
        if let Ok(decimal) = Decimal::decode(&ty, &out[4..]) {
            // Exact, and only zeros may be gone.
            let (long, short) = (value.to_string(), decimal.to_string());
            let zeros = long.strip_prefix(&short).unwrap_or("x").trim_start_matches('.');
            prop_assert!(zeros.bytes().all(|b| b == b'0'), "{} {}", long, short);
        }
    }

    #[test]
    fn json(value in documents()) {
        there_and_back(value.clone(), PgType::JSON)?;
        there_and_back(Json(value), PgType::JSONB)?;
    }

    #[test]
    fn hstores(pairs in collection::btree_map(texts(), option::of(texts()), 0..8)) {
        let ty = TypeInfo::builtin(PgType::named("hstore"));
        let map = Hstore(pairs);
        prop_assert_eq!(back(&map, &ty), map);
    }

    #[test]
    fn arrays(a in collection::vec(option::of(any::<i32>()), 0..40), b in collection::vec(texts(), 0..10)) {
        let (a_ty, b_ty) = (array_of(TypeInfo::builtin(PgType::INT4)), array_of(TypeInfo::builtin(PgType::TEXT)));
        prop_assert_eq!(back(&a, &a_ty), a);
        prop_assert_eq!(&back(&b, &b_ty), &b);
        let boxed = b.into_boxed_slice();
        prop_assert_eq!(back(&boxed, &b_ty), boxed);
    }

    #[test]
    fn rows(name in texts(), email in texts(), age: i32) {
        let (row, types) = (Narrow { name, email, age }, narrow_types());
        let mut out = Vec::new();
        encode_row(&row, &types, &mut out).unwrap();
        prop_assert_eq!(&out[..2], &[0, 3]);
        prop_assert_eq!(&decode_row::<Narrow>(&out[2..], &types).unwrap(), &row);
        let borrowed = decode_row::<NarrowRef<'_>>(&out[2..], &types).unwrap();
        prop_assert_eq!((borrowed.name, borrowed.email), (row.name.as_str(), row.email.as_str()));
        for cut in 2..out.len() {
            prop_assert!(decode_row::<Narrow>(&out[2..cut], &types).is_err());
        }
    }
}
