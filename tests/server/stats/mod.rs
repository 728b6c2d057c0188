//! What the server tells of a database and its tables, beside psql's own questions to the catalog.

use pgrepo::testkit::TestDatabase;

use crate::support;

mod database;
mod tables;

/// What psql answers: one row a line, the columns separated by `|`, NULL as `-`.
async fn psql(db: &TestDatabase, sql: &str) -> Option<String> {
    let answer = support::psql(db, &["-A", "-t", "-P", "null=-", "-c", sql]).await?;
    Some(String::from_utf8(answer).unwrap().trim_end().to_owned())
}
