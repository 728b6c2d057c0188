//! Rows page by page: each page begins behind the last row of the one before, found by its values and not by counting.

mod base64;
mod fetch;
mod order;
mod page;
mod position;
mod scan;
mod token;

pub(super) use order::{Label, Term};
pub use page::{Page, Pages};
pub use token::PageToken;
