//! How a single value in a document is compared: as what, and by which index.

use crate::value::Json;

/// As what PostgreSQL compares the values of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rendering {
    /// A JSON number, as numeric: exact for each number that JSON can write.
    Number,
    /// A JSON string, in the database's collation. JSON of another type is compared by its text.
    Text,
    /// A JSON string whose bytes sort as its values do: dates and times in ISO 8601 (of the years 0 to 9999), uuids.
    Ordered,
    /// A JSON boolean.
    Bool,
    /// A JSON number, or a JSON string of digits with at most 255 on each side of the point, as numeric.
    Decimal,
    /// A JSON string, as timestamptz. The cast depends on the session's settings, so no index can hold it; text that is
    /// no instant fails the statement.
    Instant,
}

impl Rendering {
    /// The type that a parameter is cast to.
    pub(super) const fn sql_type(self) -> &'static str {
        match self {
            Self::Number | Self::Decimal => "numeric",
            Self::Text | Self::Ordered => "text",
            Self::Bool => "bool",
            Self::Instant => "timestamptz",
        }
    }
}

/// A type whose JSON form is a single value with an order: a number, text, a date.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no order in JSON",
    label = "no number, text, date, time, uuid or bool",
    note = "only single values are compared by size and sorted by; of a newtype, go to its field: \
            path.at(UserId::INNER)"
)]
pub trait JsonScalar {
    /// As what it is compared.
    const RENDERING: Rendering;
}

/// A type of single values whose order an index can hold.
#[diagnostic::on_unimplemented(
    message = "no index holds a `{Self}` that stands in JSON",
    label = "no index for this type",
    note = "an index holds numbers, text, dates, times without a zone, uuids and bools; text becomes a timestamptz by \
            the session's settings, so PostgreSQL refuses it in an index: keep the instant in a column of its own, or \
            as a number"
)]
pub trait JsonIndexed: JsonScalar {}

/// A type whose JSON form is a number.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number in JSON",
    label = "cannot be incremented",
    note = "integers and floats are; of a newtype, go to its field: path.at(UserId::INNER)"
)]
pub trait JsonNumber: JsonScalar {}

macro_rules! scalars {
    ($rendering:ident: $([$($g:tt)*] $leaf:ty),+ $(,)?) => {$(
        impl<$($g)*> JsonScalar for $leaf { const RENDERING: Rendering = Rendering::$rendering; }
        impl<$($g)*> JsonIndexed for $leaf {}
    )+};
}
scalars!(Number: [] i8, [] i16, [] i32, [] i64, [] i128, [] isize, [] u8, [] u16, [] u32, [] u64, [] u128, [] usize, [] f32, [] f64);
scalars!(Text: [] String, [] str, [] Box<str>, ['a] std::borrow::Cow<'a, str>, [] char);
scalars!(Bool: [] bool);
#[cfg(feature = "chrono")]
scalars!(Ordered: [] chrono::NaiveDate, [] chrono::NaiveTime, [] chrono::NaiveDateTime);
#[cfg(feature = "uuid")]
scalars!(Ordered: [] uuid::Uuid);
#[cfg(feature = "rust_decimal")]
scalars!(Decimal: [] rust_decimal::Decimal);

#[cfg(feature = "chrono")]
impl<Z: chrono::TimeZone> JsonScalar for chrono::DateTime<Z> {
    const RENDERING: Rendering = Rendering::Instant;
}

macro_rules! numbers {
    ($($number:ty)+) => {$( impl JsonNumber for $number {} )+};
}
numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

macro_rules! seen_through {
    ($([$($v:tt)*] $of:ty),+) => {$(
        impl<V: JsonScalar $($v)*> JsonScalar for $of { const RENDERING: Rendering = V::RENDERING; }
        impl<V: JsonIndexed $($v)*> JsonIndexed for $of {}
        impl<V: JsonNumber $($v)*> JsonNumber for $of {}
    )+};
}
seen_through!([] Option<V>, [+ ?Sized] &V, [] Json<V>, [] Box<V>);
