//! Times as numbers of seconds, which is how the server's JSON has them.

pub(super) mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
        took.as_secs_f64().serialize(to)
    }

    /// What lies in the future, by a clock that was set back, is no time at all.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(from)?;
        Duration::try_from_secs_f64(seconds.max(0.0)).map_err(serde::de::Error::custom)
    }
}

pub(super) mod optional {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Seconds(#[serde(with = "super::duration")] Duration);

    pub(crate) fn serialize<S: Serializer>(took: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        took.map(Seconds).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Seconds>::deserialize(from)?.map(|Seconds(took)| took))
    }
}

pub(super) mod time {
    use std::time::{Duration, SystemTime};

    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(at: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
        let since = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        super::optional::serialize(&at.map(since), to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
        Ok(super::optional::deserialize(from)?.map(|since| SystemTime::UNIX_EPOCH + since))
    }
}
