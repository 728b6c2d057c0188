//! Rust's own types as dynamic values.

use std::borrow::Cow;

use bytes::Bytes;
#[cfg(feature = "chrono")]
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};

#[cfg(feature = "chrono")]
use crate::value::Infinite;
use crate::value::{Element, Hstore, Numeric, Value};

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
