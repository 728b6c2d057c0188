//! What the tests share.

pub mod rows;
