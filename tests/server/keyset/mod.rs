//! Tables read page by page.

mod tokens;
mod walks;

use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};
use pgrepo::{Db, Json, PgEnum, PgJson, PgTable};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
#[pg(name = "mood", rename_all = "lowercase")]
pub(crate) enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
pub(crate) struct Info {
    size: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "odd \"stays\"")]
pub(crate) struct Stay {
    #[pg(primary_key)]
    org: i32,
    #[pg(primary_key)]
    code: String,
    city: Option<String>,
    stars: i16,
    price: f64,
    since: Option<DateTime<Utc>>,
    mood: Option<Mood>,
    info: Json<Info>,
}

/// Few different values, so that most rows are equal to others in each column but the key; its columns are of types
/// that are compared as others.
const STAYS: &str = r#"CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN stars AS int2;
CREATE TABLE "odd ""stays""" (org int4, code varchar(20), city text, stars stars NOT NULL, price float8 NOT NULL,
    since timestamptz, mood mood, info jsonb NOT NULL, PRIMARY KEY (org, code));
INSERT INTO "odd ""stays""" SELECT i % 3, 'c' || i, (ARRAY['Assen', 'Breda', 'breda', NULL])[i % 5], i % 2,
    (ARRAY['NaN', 'Infinity', '-0', '0', '1.5'])[i % 5 + 1]::float8,
    CASE i % 4 WHEN 0 THEN NULL ELSE '2024-01-01'::timestamptz + i % 4 * interval '1 microsecond' END,
    (ARRAY['sad', 'happy', NULL])[i % 3 + 1]::mood,
    CASE i % 3 WHEN 0 THEN '{}' ELSE jsonb_build_object('size', i % 3) END
    FROM generate_series(1, 23) i"#;

pub(crate) async fn stays(db: &Db) {
    db.execute_script(STAYS).await.unwrap();
}

pub(crate) fn size(rows: usize) -> NonZeroUsize {
    NonZeroUsize::new(rows).unwrap()
}
