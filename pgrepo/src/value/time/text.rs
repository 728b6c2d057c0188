//! Infinite dates as serde reads and writes them: as the server's text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::Infinite;

const INFINITY: &str = "infinity";
const NEG_INFINITY: &str = "-infinity";

/// `infinity`, `-infinity`, or as the finite value is written.
impl<T: Serialize> Serialize for Infinite<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::NegInfinity => serializer.serialize_str(NEG_INFINITY),
            Self::Finite(value) => value.serialize(serializer),
            Self::Infinity => serializer.serialize_str(INFINITY),
        }
    }
}

/// From `infinity`, `-infinity`, or the text that the finite value is read from.
///
/// # Examples
/// ```
/// use pgrepo::Infinite;
/// assert_eq!(serde_json::from_str::<Infinite<String>>("\"-infinity\"")?, Infinite::NegInfinity);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Infinite<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(PhantomData))
    }
}

struct Text<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Text<T> {
    type Value = Infinite<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date or time as text, infinity or -infinity")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Infinite<T>, E> {
        match text {
            INFINITY => Ok(Infinite::Infinity),
            NEG_INFINITY => Ok(Infinite::NegInfinity),
            text => T::deserialize(text.into_deserializer()).map(Infinite::Finite),
        }
    }
}
