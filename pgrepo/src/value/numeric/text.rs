//! numeric as serde reads and writes it: as its text, since most formats take a fraction for a float.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use super::Numeric;

/// As its text, so that no digit is lost.
///
/// # Examples
/// ```
/// let price: pgrepo::Numeric = serde_json::from_str("\"12.50\"")?;
/// assert_eq!(serde_json::to_string(&price)?, "\"12.50\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for Numeric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From its text, or from a whole number. A float is refused: its digits are no longer those that were written.
///
/// # Examples
/// ```
/// use pgrepo::Numeric;
/// assert_eq!(serde_json::from_str::<Numeric>("-7")?, Numeric::from(-7));
/// assert!(serde_json::from_str::<Numeric>("0.1").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for Numeric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Digits)
    }
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = Numeric;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number as text, or a whole number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Numeric, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Numeric, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Numeric, E> {
        Ok(Numeric::new(false, number.into(), 0))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Numeric, E> {
        Err(E::invalid_type(Unexpected::Float(number), &self))
    }
}
