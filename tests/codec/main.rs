//! The codec without a server: the server's own bytes, and values that go there and back.

#![allow(clippy::unwrap_used, reason = "a test's failure is its message")]

mod families;
mod golden;
mod round_trip;
