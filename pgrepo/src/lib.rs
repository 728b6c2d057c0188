//! Typed rows in and out of PostgreSQL.

#[cfg(all(feature = "testkit", unix))]
pub mod testkit;

#[cfg(all(feature = "testkit", unix))]
pub use pgrepo_macros::test;
