//! Rows of one table: which, in what order, and what is made of them.

mod aggregate;
mod explain;
mod fetch;
mod lock;
mod select;
mod values;

pub use aggregate::{HasAverage, HasMinMax, HasSum};
pub use fetch::Find;
pub use lock::InTransaction;
pub(super) use select::Select;
pub use values::FindValues;
