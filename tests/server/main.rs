//! Everything that needs a server: one binary, one server, a database for each test.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test's failure is its message")]

mod altered;
mod concurrent;
mod config;
mod contract;
mod copy;
mod edges;
mod faults;
mod find;
mod joins;
mod json;
mod keyset;
mod lines;
mod load;
mod memory;
mod pool;
mod projections;
mod query;
mod records;
mod rejects;
mod runtime;
mod secrets;
mod session;
mod slow;
mod spawned;
mod storm;
mod streams;
mod support;
mod texts;
mod tls;
mod tx;
mod types;
mod untyped;
mod views;
mod violations;
mod write;
