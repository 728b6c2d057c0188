use pgrepo::PgJson;
use serde::{Deserialize, Serialize};

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(n: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{n:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        u32::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
enum Colour {
    #[serde(with = "hex")]
    Front(u32),
    #[serde(rename = "behind", serialize_with = "hex::serialize")]
    Back(u32),
    #[serde(deserialize_with = "hex::deserialize")]
    Border(u32),
}

#[derive(Serialize, Deserialize, PgJson)]
struct Painted {
    colour: Colour,
}

fn main() {}
