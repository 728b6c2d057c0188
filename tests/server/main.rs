//! Everything that needs a server: one binary, one server, a database for each test.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test's failure is its message")]

mod copy;
mod faults;
mod memory;
mod query;
mod records;
mod runtime;
mod spawned;
mod storm;
mod support;
mod types;
mod views;
