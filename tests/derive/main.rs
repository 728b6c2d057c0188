//! What the derives write, without a server.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod described;
mod insert;
mod table;
mod values;
