//! Loads that go on past bad rows and hand them back.

mod reject;
mod source;

pub use reject::Rejected;
pub use source::{RowError, SourceError};
