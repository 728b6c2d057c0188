//! JSON documents.

mod untyped;

pub(crate) use untyped::{insert_json, query_json};
