//! Statements of the user's own, and the typed ones of one table.

mod assignment;
mod filter;
mod find;
mod fragment;
mod operators;
mod plan;
mod script;
mod sort;
mod statement;
pub(crate) mod text;

pub use assignment::Assignment;
pub use filter::Filter;
pub use find::Find;
pub(crate) use fragment::{Fragment, Text};
pub(crate) use plan::{Plan, unreadable};
pub(crate) use script::script;
pub use sort::Sort;
pub(crate) use statement::open;
pub use statement::{Query, query};
