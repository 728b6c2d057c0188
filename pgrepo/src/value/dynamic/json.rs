//! Dynamic values as JSON.

#[cfg(feature = "chrono")]
use chrono::{NaiveDate, SecondsFormat};

#[cfg(feature = "chrono")]
use crate::value::Infinite;
use crate::value::Value;

impl Value {
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
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Value;
    /// assert_eq!(Value::from(7).to_json(), 7);
    /// assert_eq!(Value::Bytes(vec![1, 255]).to_json(), r"\x01ff");
    /// ```
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
