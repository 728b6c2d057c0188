//! Many structs of thirty columns.
#![allow(dead_code, unused_imports)]

extern crate LIBRARY as _;

pub use chrono::{DateTime, Utc};
pub use uuid::Uuid;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Profile {
    pub city: String,
    pub scores: Vec<u32>,
}
