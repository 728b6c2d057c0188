//! Statements of the user's own, and the typed ones of one table.

mod filter;
mod find;
mod plan;
mod script;
mod statement;
pub(crate) mod text;

pub use filter::{Assignment, Filter, Sort};
pub(crate) use filter::{Where, assignments};
pub use find::Find;
pub(crate) use plan::{Plan, unreadable};
pub(crate) use script::script;
pub(crate) use statement::open;
pub use statement::{Query, query};
