//! What a repository writes, row by row and in batches.

mod many;
mod merge;
mod rows;
mod schema;
mod shapes;
mod upsert;
mod version;

use pgrepo::{PgEnum, PgTable};

pub(crate) const TABLE: &str = "CREATE TYPE mood AS ENUM ('sad', 'happy'); \
    CREATE DOMAIN short AS text CHECK (length(value) < 10); \
    CREATE TABLE users (dropped int4, id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, \
    org int4 NOT NULL DEFAULT 7, \"na\"\"me\" short, tags text[] NOT NULL DEFAULT '{}', mood mood, \
    initials text GENERATED ALWAYS AS (upper(left(email, 1))) STORED, UNIQUE (org, \"na\"\"me\")); \
    ALTER TABLE users DROP dropped";

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
#[pg(name = "mood", rename_all = "lowercase")]
pub(crate) enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "users", new = "NewUser", new_derive = "Debug, Clone", unique = "email", unique = "org, na\"me")]
pub(crate) struct User {
    #[pg(generated)]
    initials: Option<String>,
    #[pg(primary_key, identity)]
    id: i64,
    email: String,
    mood: Option<Mood>,
    #[pg(default)]
    org: i32,
    #[pg(column = "na\"me")]
    name: Option<String>,
    #[pg(default)]
    tags: Vec<String>,
}

pub(crate) fn new(email: &str) -> NewUser {
    NewUser {
        email: email.to_owned(),
        mood: Some(Mood::Happy),
        org: pgrepo::Set::Server,
        name: Some(email.to_owned()),
        tags: pgrepo::Set::To(vec!["x".into(), "y\"z".into()]),
    }
}

/// A table whose key has two columns.
#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "seats")]
pub(crate) struct Seat {
    #[pg(primary_key)]
    row: i32,
    #[pg(primary_key)]
    letter: String,
    who: Option<String>,
}

pub(crate) const SEATS: &str = "CREATE TABLE seats (letter varchar(3), row int4, who text, PRIMARY KEY (row, letter)) PARTITION BY RANGE (row); \
     CREATE TABLE seats1 PARTITION OF seats FOR VALUES FROM (0) TO (100); \
     CREATE TABLE seats2 PARTITION OF seats DEFAULT";

pub(crate) fn seat(row: i32, letter: &str, who: Option<&str>) -> Seat {
    Seat { row, letter: letter.into(), who: who.map(Into::into) }
}
