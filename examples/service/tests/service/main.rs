//! The service as its clients, its operators and those who mean it harm see it.

#![allow(clippy::unwrap_used, reason = "a test's failure is its message")]

mod health;
mod hostile;
mod kills;
mod memory;
mod reads;
mod shutdown;
mod start;
mod support;
mod uploads;
