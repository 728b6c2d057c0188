//! Typed rows in and out of PostgreSQL.

#[cfg(feature = "testkit")]
pub mod testkit;
