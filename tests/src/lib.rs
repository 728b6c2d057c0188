//! What the tests share.

pub mod by_hand;
pub mod examples;
pub mod guide;
pub mod hostile;
pub mod hygiene;
pub mod memory;
pub mod report;
pub mod rows;
