//! A value whose type is known at run time only.

use std::borrow::Cow;

use bytes::Bytes;

#[cfg(feature = "chrono")]
use super::Infinite;
use super::array::{element_of, get_items, put_items};
use super::{
    Decode, Element, Encode, Hstore, Numeric, PgType, SqlType, TypeInfo, TypeKind, ValueError, ValueErrorKind,
};
#[cfg(feature = "chrono")]
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeZone, Utc};

/// A value of any column, for code that has no struct: rows of dynamic values in, dynamic rows out.
///
/// It is written as the column's type wants it, exactly or not at all ([`encode_as`](Self::encode_as)), and any
/// column of a type that pgrepo knows can be read into it. Rust's own types convert with `From`; a number's variant
/// says where it came from and not where it may go.
///
/// # Examples
/// ```
/// use pgrepo::value::Value;
/// let row = [Value::from(7), Value::from("Ann"), Value::Null, serde_json::json!({"a": 1}).into()];
/// assert_eq!(row[0], Value::Int4(7));
/// assert_eq!(row[3].to_json().to_string(), r#"{"a":1}"#);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// NULL.
    #[default]
    Null,
    /// A bool.
    Bool(bool),
    /// An int2.
    Int2(i16),
    /// An int4.
    Int4(i32),
    /// An int8, or an oid.
    Int8(i64),
    /// A float4.
    Float4(f32),
    /// A float8.
    Float8(f64),
    /// A numeric, of any size.
    Numeric(Numeric),
    /// A text, or an enum's label.
    Text(String),
    /// A bytea.
    Bytes(Vec<u8>),
    /// A uuid.
    #[cfg(feature = "uuid")]
    Uuid(uuid::Uuid),
    /// A date.
    #[cfg(feature = "chrono")]
    Date(Infinite<NaiveDate>),
    /// A time.
    #[cfg(feature = "chrono")]
    Time(NaiveTime),
    /// A timestamp.
    #[cfg(feature = "chrono")]
    Timestamp(Infinite<NaiveDateTime>),
    /// A timestamptz.
    #[cfg(feature = "chrono")]
    TimestampTz(Infinite<DateTime<Utc>>),
    /// A json or jsonb document.
    Json(serde_json::Value),
    /// An hstore.
    Hstore(Hstore),
    /// An array of one dimension.
    Array(Vec<Value>),
}

/// How the values of a column's type are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytes,
    #[cfg(feature = "uuid")]
    Uuid,
    #[cfg(feature = "chrono")]
    Date,
    #[cfg(feature = "chrono")]
    Time,
    #[cfg(feature = "chrono")]
    Timestamp,
    #[cfg(feature = "chrono")]
    TimestampTz,
    Json,
    Hstore,
    Array,
}

type Accepts = fn(&TypeInfo) -> bool;

const FAMILIES: &[(Family, Accepts)] = &[
    (Family::Text, str::accepts),
    (Family::Int8, i64::accepts),
    (Family::Int4, i32::accepts),
    (Family::Float8, f64::accepts),
    (Family::Json, serde_json::Value::accepts),
    (Family::Bool, bool::accepts),
    #[cfg(feature = "chrono")]
    (Family::TimestampTz, <DateTime<Utc>>::accepts),
    #[cfg(feature = "uuid")]
    (Family::Uuid, uuid::Uuid::accepts),
    (Family::Numeric, Numeric::accepts),
    #[cfg(feature = "chrono")]
    (Family::Date, NaiveDate::accepts),
    #[cfg(feature = "chrono")]
    (Family::Timestamp, NaiveDateTime::accepts),
    #[cfg(feature = "chrono")]
    (Family::Time, NaiveTime::accepts),
    (Family::Bytes, <[u8]>::accepts),
    (Family::Int2, i16::accepts),
    (Family::Float4, f32::accepts),
    (Family::Oid, u32::accepts),
    (Family::Hstore, Hstore::accepts),
];

impl Family {
    fn of(ty: &TypeInfo) -> Option<Self> {
        match ty.base().kind() {
            TypeKind::Array(element) => Self::of(element).filter(|f| *f != Self::Array).map(|_| Self::Array),
            TypeKind::Enum => Some(Self::Text),
            _ => FAMILIES.iter().find(|(_, accepts)| accepts(ty)).map(|(family, _)| *family),
        }
    }
}

impl Value {
    /// What the value is, for messages: the name of its SQL type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "bool",
            Self::Int2(_) => "int2",
            Self::Int4(_) => "int4",
            Self::Int8(_) => "int8",
            Self::Float4(_) => "float4",
            Self::Float8(_) => "float8",
            Self::Numeric(_) => "numeric",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytea",
            #[cfg(feature = "uuid")]
            Self::Uuid(_) => "uuid",
            #[cfg(feature = "chrono")]
            Self::Date(_) => "date",
            #[cfg(feature = "chrono")]
            Self::Time(_) => "time",
            #[cfg(feature = "chrono")]
            Self::Timestamp(_) => "timestamp",
            #[cfg(feature = "chrono")]
            Self::TimestampTz(_) => "timestamptz",
            Self::Json(_) => "json",
            Self::Hstore(_) => "hstore",
            Self::Array(_) => "array",
        }
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Appends the field for a column of the type `ty`, domains counting as what they rest on.
    ///
    /// An integer goes into every type of numbers that holds it exactly, a float into float8, and into float4 where
    /// that is exact; a text into text types and enums; JSON into json and jsonb; NULL into all; everything else
    /// into its own type only. Nothing is parsed: a text is no date.
    ///
    /// # Errors
    /// [`ValueErrorKind::Invalid`] when values of this kind do not go into `ty`, naming both;
    /// [`ValueErrorKind::Range`] when this one is not exact there; those of the value's own type.
    pub fn encode_as(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        if self.is_null() {
            return None::<i32>.encode(ty, out);
        }
        let family = Family::of(ty).ok_or_else(|| self.misfit(ty))?;
        match self {
            Self::Int2(n) => self.integer(i64::from(*n), family, ty, out),
            Self::Int4(n) => self.integer(i64::from(*n), family, ty, out),
            Self::Int8(n) => self.integer(*n, family, ty, out),
            Self::Float4(n) if family == Family::Float4 => n.encode(ty, out),
            Self::Float4(n) if family == Family::Float8 => f64::from(*n).encode(ty, out),
            Self::Float8(n) if family == Family::Float8 => n.encode(ty, out),
            Self::Float8(n) if family == Family::Float4 => {
                #[allow(clippy::cast_possible_truncation, reason = "compared with the original")]
                let short = *n as f32;
                if f64::from(short) == *n || n.is_nan() { short.encode(ty, out) } else { Err(self.inexact(ty)) }
            }
            Self::Bool(v) if family == Family::Bool => v.encode(ty, out),
            Self::Numeric(v) if family == Family::Numeric => v.encode(ty, out),
            Self::Text(v) if family == Family::Text => v.encode(ty, out),
            Self::Bytes(v) if family == Family::Bytes => v.encode(ty, out),
            #[cfg(feature = "uuid")]
            Self::Uuid(v) if family == Family::Uuid => v.encode(ty, out),
            #[cfg(feature = "chrono")]
            Self::Date(v) if family == Family::Date => v.encode(ty, out),
            #[cfg(feature = "chrono")]
            Self::Time(v) if family == Family::Time => v.encode(ty, out),
            #[cfg(feature = "chrono")]
            Self::Timestamp(v) if family == Family::Timestamp => v.encode(ty, out),
            #[cfg(feature = "chrono")]
            Self::TimestampTz(v) if family == Family::TimestampTz => v.encode(ty, out),
            Self::Json(v) if family == Family::Json => v.encode(ty, out),
            Self::Hstore(v) if family == Family::Hstore => v.encode(ty, out),
            Self::Array(v) if family == Family::Array => {
                let element = element_of(ty)?;
                put_items(v, true, element, out, |item, out| item.encode_as(element, out))
            }
            _ => Err(self.misfit(ty)),
        }
    }

    fn integer(&self, n: i64, family: Family, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let inexact = || self.inexact(ty);
        match family {
            Family::Int2 => i16::try_from(n).map_err(|_| inexact())?.encode(ty, out),
            Family::Int4 => i32::try_from(n).map_err(|_| inexact())?.encode(ty, out),
            Family::Int8 => n.encode(ty, out),
            Family::Oid => u32::try_from(n).map_err(|_| inexact())?.encode(ty, out),
            Family::Numeric => Numeric::from(n).encode(ty, out),
            Family::Float4 if significant_bits(n) <= f32::MANTISSA_DIGITS => (n as f32).encode(ty, out),
            Family::Float8 if significant_bits(n) <= f64::MANTISSA_DIGITS => (n as f64).encode(ty, out),
            Family::Float4 | Family::Float8 => Err(inexact()),
            _ => Err(self.misfit(ty)),
        }
    }

    #[cold]
    fn misfit(&self, ty: &TypeInfo) -> ValueError {
        ValueErrorKind::Invalid(format!("a value of the type {} cannot be stored as {ty}", self.kind())).into()
    }

    #[cold]
    fn inexact(&self, ty: &TypeInfo) -> ValueError {
        ValueErrorKind::Range(format!("this {} has no exact form as {ty}", self.kind())).into()
    }

    /// Reads a field of the type `ty`: its body, or `None` for NULL.
    ///
    /// # Errors
    /// [`ValueErrorKind::Invalid`] for a type that pgrepo does not know; those of the value's own type: a
    /// `time` of 24:00, a year past chrono's, an array of two dimensions.
    pub fn decode_as(ty: &TypeInfo, field: Option<&[u8]>) -> Result<Self, ValueError> {
        let Some(body) = field else { return Ok(Self::Null) };
        let Some(family) = Family::of(ty) else {
            return Err(ValueErrorKind::Invalid(format!("values of the type {ty} are not supported")).into());
        };
        Ok(match family {
            Family::Bool => Self::Bool(bool::decode(ty, body)?),
            Family::Int2 => Self::Int2(i16::decode(ty, body)?),
            Family::Int4 => Self::Int4(i32::decode(ty, body)?),
            Family::Int8 => Self::Int8(i64::decode(ty, body)?),
            Family::Oid => Self::Int8(u32::decode(ty, body)?.into()),
            Family::Float4 => Self::Float4(f32::decode(ty, body)?),
            Family::Float8 => Self::Float8(f64::decode(ty, body)?),
            Family::Numeric => Self::Numeric(Numeric::decode(ty, body)?),
            Family::Text => Self::Text(String::decode(ty, body)?),
            Family::Bytes => Self::Bytes(Vec::decode(ty, body)?),
            #[cfg(feature = "uuid")]
            Family::Uuid => Self::Uuid(uuid::Uuid::decode(ty, body)?),
            #[cfg(feature = "chrono")]
            Family::Date => Self::Date(Infinite::decode(ty, body)?),
            #[cfg(feature = "chrono")]
            Family::Time => Self::Time(NaiveTime::decode(ty, body)?),
            #[cfg(feature = "chrono")]
            Family::Timestamp => Self::Timestamp(Infinite::decode(ty, body)?),
            #[cfg(feature = "chrono")]
            Family::TimestampTz => Self::TimestampTz(Infinite::decode(ty, body)?),
            Family::Json => Self::Json(serde_json::Value::decode(ty, body)?),
            Family::Hstore => Self::Hstore(Hstore::decode(ty, body)?),
            Family::Array => {
                let element = element_of(ty)?;
                Self::Array(get_items(element, body, |field| Self::decode_as(element, field))?)
            }
        })
    }

    /// The value as JSON.
    ///
    /// | value | JSON |
    /// |---|---|
    /// | NULL, bool, text, json | as such |
    /// | int2, int4, int8, oid | a number (readers that keep numbers as doubles round those beyond 2^53) |
    /// | float4, float8 | a number; `"NaN"`, `"Infinity"`, `"-Infinity"`, as the server's `to_json` has it |
    /// | numeric | a string of its digits, so that nothing is rounded |
    /// | bytea | `"\\x…"` in hexadecimal |
    /// | uuid | a string |
    /// | date, time, timestamp | ISO 8601 strings; `"infinity"`, `"-infinity"` |
    /// | timestamptz | the same in UTC, ending in `Z` |
    /// | hstore, arrays | an object, an array |
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Null => Json::Null,
            Self::Bool(v) => (*v).into(),
            Self::Int2(v) => (*v).into(),
            Self::Int4(v) => (*v).into(),
            Self::Int8(v) => (*v).into(),
            // By its shortest digits, as the server writes it: 0.1 and not 0.10000000149011612.
            Self::Float4(v) => float(v.to_string().parse().unwrap_or_else(|_| f64::from(*v))),
            Self::Float8(v) => float(*v),
            Self::Numeric(v) => v.to_string().into(),
            Self::Text(v) => v.as_str().into(),
            Self::Bytes(v) => v.iter().fold("\\x".to_owned(), |hex, byte| format!("{hex}{byte:02x}")).into(),
            #[cfg(feature = "uuid")]
            Self::Uuid(v) => v.to_string().into(),
            #[cfg(feature = "chrono")]
            Self::Date(v) => infinite(v, NaiveDate::to_string),
            #[cfg(feature = "chrono")]
            Self::Time(v) => v.to_string().into(),
            #[cfg(feature = "chrono")]
            Self::Timestamp(v) => infinite(v, |t| format!("{t:?}")),
            #[cfg(feature = "chrono")]
            Self::TimestampTz(v) => infinite(v, |t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Json(v) => v.clone(),
            Self::Hstore(v) => v.iter().map(|(key, value)| (key.clone(), Json::from(value.as_deref()))).collect(),
            Self::Array(v) => v.iter().map(Self::to_json).collect(),
        }
    }
}

fn float(n: f64) -> serde_json::Value {
    if n.is_finite() {
        return n.into();
    }
    let name = if n.is_nan() {
        "NaN"
    } else if n > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    name.into()
}

#[cfg(feature = "chrono")]
fn infinite<T>(value: &Infinite<T>, text: impl Fn(&T) -> String) -> serde_json::Value {
    match value {
        Infinite::NegInfinity => "-infinity".into(),
        Infinite::Finite(value) => text(value).into(),
        Infinite::Infinity => "infinity".into(),
    }
}

/// How many bits a float's mantissa needs to hold `n`.
fn significant_bits(n: i64) -> u32 {
    let n = n.unsigned_abs();
    if n == 0 { 0 } else { u64::BITS - n.leading_zeros() - n.trailing_zeros() }
}

impl SqlType for Value {
    const TYPES: &'static [PgType] = &[];
    const NULLABLE: bool = true;

    fn accepts(ty: &TypeInfo) -> bool {
        Family::of(ty).is_some()
    }
}

impl Element for Value {}

impl Encode for Value {
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        self.encode_as(ty, out)
    }
}

impl<'r> Decode<'r> for Value {
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        Self::decode_as(ty, Some(body))
    }

    fn decode_null() -> Result<Self, ValueError> {
        Ok(Self::Null)
    }
}

macro_rules! from {
    ($($rust:ty => |$v:ident| $value:expr;)+) => {$(
        impl From<$rust> for Value {
            fn from($v: $rust) -> Self {
                $value
            }
        }
    )+};
}
from! {
    bool => |v| Self::Bool(v);
    i8 => |v| Self::Int2(v.into());
    u8 => |v| Self::Int2(v.into());
    i16 => |v| Self::Int2(v);
    u16 => |v| Self::Int4(v.into());
    i32 => |v| Self::Int4(v);
    u32 => |v| Self::Int8(v.into());
    i64 => |v| Self::Int8(v);
    f32 => |v| Self::Float4(v);
    f64 => |v| Self::Float8(v);
    Numeric => |v| Self::Numeric(v);
    &str => |v| Self::Text(v.to_owned());
    String => |v| Self::Text(v);
    &String => |v| Self::Text(v.clone());
    Box<str> => |v| Self::Text(v.into());
    Cow<'_, str> => |v| Self::Text(v.into_owned());
    &[u8] => |v| Self::Bytes(v.to_vec());
    Vec<u8> => |v| Self::Bytes(v);
    Bytes => |v| Self::Bytes(v.into());
    serde_json::Value => |v| Self::Json(v);
    Hstore => |v| Self::Hstore(v);
}
#[cfg(feature = "uuid")]
from!(uuid::Uuid => |v| Self::Uuid(v););
#[cfg(feature = "rust_decimal")]
from!(rust_decimal::Decimal => |v| Self::Numeric(v.into()););
#[cfg(feature = "chrono")]
from! {
    NaiveDate => |v| Self::Date(v.into());
    NaiveTime => |v| Self::Time(v);
    NaiveDateTime => |v| Self::Timestamp(v.into());
    Infinite<NaiveDate> => |v| Self::Date(v);
    Infinite<NaiveDateTime> => |v| Self::Timestamp(v);
    Infinite<DateTime<Utc>> => |v| Self::TimestampTz(v);
}

#[cfg(feature = "chrono")]
impl<Tz: TimeZone> From<DateTime<Tz>> for Value {
    fn from(value: DateTime<Tz>) -> Self {
        Self::TimestampTz(value.to_utc().into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Element + Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::array;
    use super::*;

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
}
