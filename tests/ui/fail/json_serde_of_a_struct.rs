use pgrepo::PgJson;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, PgJson)]
#[serde(into = "String")]
struct Name {
    first: String,
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.first
    }
}

impl From<String> for Name {
    fn from(first: String) -> Self {
        Self { first }
    }
}

fn main() {}
