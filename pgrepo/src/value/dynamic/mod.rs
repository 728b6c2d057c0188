//! A value whose type is known at run time only.

mod from;
mod json;

#[cfg(feature = "chrono")]
use super::Infinite;
use super::array::{element_of, get_items, put_items};
use super::{
    Decode, Element, Encode, Hstore, Numeric, PgType, SqlType, TypeInfo, TypeKind, ValueError, ValueErrorKind,
};
#[cfg(feature = "chrono")]
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

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
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Value;
    /// assert_eq!(Value::from("Ann").kind(), "text");
    /// ```
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
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Value;
    /// assert!(Value::from(None::<i32>).is_null());
    /// ```
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
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{PgType, TypeInfo, Value};
    /// let mut field = Vec::new();
    /// Value::from(7).encode_as(&TypeInfo::builtin(PgType::INT2), &mut field)?;
    /// assert_eq!(field, [0, 0, 0, 2, 0, 7]);
    /// assert!(Value::from(70_000).encode_as(&TypeInfo::builtin(PgType::INT2), &mut field).is_err());
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
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
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{PgType, TypeInfo, Value};
    /// let int2 = TypeInfo::builtin(PgType::INT2);
    /// assert_eq!(Value::decode_as(&int2, Some(&[0, 7]))?, Value::Int2(7));
    /// assert_eq!(Value::decode_as(&int2, None)?, Value::Null);
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
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

#[cfg(test)]
mod tests;
