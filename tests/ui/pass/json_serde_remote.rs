use pgrepo::PgJson;
use serde::{Deserialize, Serialize};

#[derive(Default)]
struct Span {
    seconds: i64,
}

impl Span {
    fn seconds(&self) -> i64 {
        self.seconds
    }
}

impl From<SpanForm> for Span {
    fn from(form: SpanForm) -> Self {
        Self { seconds: form.seconds }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Span")]
struct SpanForm {
    #[serde(getter = "Span::seconds")]
    seconds: i64,
}

#[derive(Serialize, Deserialize, PgJson)]
struct Trip {
    #[serde(with = "SpanForm")]
    #[pg(opaque)]
    length: Span,
}

fn main() {}
