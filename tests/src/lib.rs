//! What the tests share.

pub mod hostile;
pub mod hygiene;
pub mod rows;
