//! Timestamps as the server writes them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;

/// Reads a timestamp as the server writes it, for `#[serde(deserialize_with = "pgrepo::csv::timestamp")]`.
///
/// The server writes `2024-02-29 12:34:56+01`, and the types of chrono want `2024-02-29T12:34:56+01:00`
/// (<https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-DATETIME-OUTPUT>). Either is read, for any
/// type that takes the latter, for an `Option` and an [`Infinite`](crate::value) of it; dates and times without a date
/// need none of this.
///
/// # Errors
/// The field's own.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> pgrepo::Result<()> {
/// #[derive(serde::Deserialize)]
/// struct Line {
///     // Of a chrono type, with chrono's feature `serde`.
///     #[serde(deserialize_with = "pgrepo::csv::timestamp")]
///     at: Option<String>,
/// }
/// let mut lines = pgrepo::csv::read::<Line, _>(&b"at\n2024-02-29 12:34:56.5+01\n"[..]);
/// let at = lines.next().await?.and_then(|line| line.at);
/// assert_eq!(at.as_deref(), Some("2024-02-29T12:34:56.5+01:00"));
/// # Ok(())
/// # }
/// ```
pub fn timestamp<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(Timestamp(deserializer))
}

/// The text with a T, and minutes in its offset.
fn as_rfc3339(text: &str) -> Cow<'_, str> {
    let Some((date, time)) = text.split_once(' ') else { return Cow::Borrowed(text) };
    let offset = time.find(['+', '-']).and_then(|sign| time.get(sign + 1..));
    let minutes = if offset.is_some_and(|offset| offset.len() == 2) { ":00" } else { "" };
    Cow::Owned(format!("{date}T{time}{minutes}"))
}

/// Hands text on in the form that the standard has.
struct Timestamp<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Timestamp<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_str(Text(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(Text(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct Text<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Text<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.0.visit_str(&as_rfc3339(text))
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Timestamp(deserializer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_writes_becomes_what_the_standard_has() {
        for (server, standard) in [
            ("2024-02-29 12:34:56", "2024-02-29T12:34:56"),
            ("2024-02-29 12:34:56.789012", "2024-02-29T12:34:56.789012"),
            ("2024-02-29 12:34:56+00", "2024-02-29T12:34:56+00:00"),
            ("2024-02-29 12:34:56.5-03", "2024-02-29T12:34:56.5-03:00"),
            ("2024-02-29 12:34:56+05:45", "2024-02-29T12:34:56+05:45"),
            ("2024-02-29T12:34:56Z", "2024-02-29T12:34:56Z"),
            ("infinity", "infinity"),
            ("-infinity", "-infinity"),
            ("2024-02-29", "2024-02-29"),
            ("", ""),
        ] {
            assert_eq!(as_rfc3339(server), standard);
        }
    }
}
