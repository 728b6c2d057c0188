use serde_json::json;

use super::*;
use crate::value::tests::array;

fn builtin(ty: PgType) -> TypeInfo {
    TypeInfo::builtin(ty)
}

fn stored(value: impl Into<Value>, ty: &TypeInfo) -> Result<Value, ValueError> {
    let mut out = Vec::new();
    value.into().encode_as(ty, &mut out)?;
    let mut rest = out.as_slice();
    let field = super::super::take_field(&mut rest)?;
    assert!(rest.is_empty());
    Value::decode_as(ty, field)
}

#[test]
fn integers_go_where_they_are_exact() {
    let at = |n: i64, ty| stored(n, &builtin(ty));
    assert_eq!(at(7, PgType::INT2).unwrap(), Value::Int2(7));
    assert_eq!(at(7, PgType::INT4).unwrap(), Value::Int4(7));
    assert_eq!(at(-7, PgType::FLOAT4).unwrap(), Value::Float4(-7.0));
    assert_eq!(at(1 << 53, PgType::FLOAT8).unwrap(), Value::Float8(9_007_199_254_740_992.0));
    assert_eq!(at(i64::MIN, PgType::FLOAT8).unwrap(), Value::Float8(-9_223_372_036_854_775_808.0));
    assert_eq!(at(i64::MIN, PgType::NUMERIC).unwrap(), Value::Numeric(Numeric::from(i64::MIN)));
    assert_eq!(at(0, PgType::FLOAT8).unwrap(), Value::Float8(0.0));
    assert_eq!(at(4_294_967_295, PgType::OID).unwrap(), Value::Int8(4_294_967_295));
    for (n, ty) in [
        (32_768, PgType::INT2),
        (1 << 31, PgType::INT4),
        ((1 << 53) + 1, PgType::FLOAT8),
        ((1 << 24) + 1, PgType::FLOAT4),
        (i64::MAX, PgType::FLOAT8),
        (-1, PgType::OID),
    ] {
        let error = at(n, ty).unwrap_err();
        assert_eq!(error.to_string(), format!("this int8 has no exact form as {ty}"));
    }
    for ty in [PgType::TEXT, PgType::BOOL, PgType::TIMESTAMPTZ, PgType::JSONB] {
        let error = at(1, ty).unwrap_err();
        assert_eq!(error.to_string(), format!("a value of the type int8 cannot be stored as {ty}"));
    }
}

#[test]
fn floats() {
    assert_eq!(stored(1.5_f32, &builtin(PgType::FLOAT8)).unwrap(), Value::Float8(1.5));
    assert_eq!(stored(1.5, &builtin(PgType::FLOAT4)).unwrap(), Value::Float4(1.5));
    assert_eq!(stored(f64::INFINITY, &builtin(PgType::FLOAT4)).unwrap(), Value::Float4(f32::INFINITY));
    assert!(stored(f64::NAN, &builtin(PgType::FLOAT4)).is_ok());
    assert!(stored(0.1, &builtin(PgType::FLOAT4)).is_err());
    assert!(stored(1e300, &builtin(PgType::FLOAT4)).is_err());
    assert!(stored(1.0, &builtin(PgType::INT4)).is_err());
    assert!(stored(1.0, &builtin(PgType::NUMERIC)).is_err());
}

#[test]
fn texts_enums_domains() {
    let mood = TypeInfo::new(70_000, "mood", TypeKind::Enum);
    assert_eq!(stored("sad", &mood).unwrap(), Value::Text("sad".into()));
    let domain = TypeInfo::new(70_001, "email", TypeKind::Domain(builtin(PgType::TEXT).into()));
    assert_eq!(stored("a@b", &domain).unwrap(), Value::Text("a@b".into()));
    assert!(stored("a", &builtin(PgType::JSONB)).is_err());
    assert!(stored("2024-01-01", &builtin(PgType::DATE)).is_err());
    assert!(stored("a\0", &mood).is_err());
    assert_eq!(stored(json!("a"), &builtin(PgType::JSONB)).unwrap(), Value::Json(json!("a")));
    let unknown = TypeInfo::new(600, "point", TypeKind::Plain);
    assert!(stored("x", &unknown).is_err());
    assert_eq!(stored(None::<i32>, &unknown).unwrap(), Value::Null);
    assert!(Value::decode_as(&unknown, Some(b"x")).unwrap_err().to_string().contains("point"));
    assert!(Value::accepts(&domain) && !Value::accepts(&unknown));
}

#[test]
fn arrays() {
    let ty = array(PgType::INT8);
    assert_eq!(stored(vec![Some(1_i32), None], &ty).unwrap(), Value::Array(vec![Value::Int8(1), Value::Null]));
    assert_eq!(stored(Vec::<Value>::new(), &ty).unwrap(), Value::Array(vec![]));
    assert!(stored(vec!["a"], &ty).is_err());
    assert!(stored(Value::Array(vec![Value::Array(vec![])]), &ty).is_err());
}

#[test]
fn json() {
    let big = i64::MAX;
    let values = Value::from(vec![
        Value::Null,
        true.into(),
        big.into(),
        0.1_f32.into(),
        f64::NAN.into(),
        f64::NEG_INFINITY.into(),
        "1.50".parse::<Numeric>().unwrap().into(),
        "x".into(),
        vec![0_u8, 255].into(),
        json!({"a": [1]}).into(),
        [("k", None::<&str>)].into_iter().collect::<Hstore>().into(),
    ]);
    assert_eq!(
        values.to_json(),
        json!([
            null, true, big, 0.1, "NaN", "-Infinity", "1.50", "x", "\\x00ff", {"a": [1]}, {"k": null}
        ])
    );
}

#[cfg(all(feature = "chrono", feature = "uuid"))]
#[test]
fn json_of_times() {
    let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let time = day.and_hms_micro_opt(1, 2, 3, 500).unwrap();
    let values = Value::from(vec![
        Value::from(day),
        time.into(),
        time.time().into(),
        time.and_utc().into(),
        Infinite::<NaiveDate>::Infinity.into(),
        uuid::Uuid::nil().into(),
    ]);
    assert_eq!(
        values.to_json(),
        json!([
            "2024-02-29",
            "2024-02-29T01:02:03.000500",
            "01:02:03.000500",
            "2024-02-29T01:02:03.000500Z",
            "infinity",
            "00000000-0000-0000-0000-000000000000"
        ])
    );
    assert!(stored(time, &builtin(PgType::TIMESTAMPTZ)).is_err());
    assert_eq!(stored(time, &builtin(PgType::TIMESTAMP)).unwrap(), Value::from(time));
}
