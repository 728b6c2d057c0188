//! Statements of the user's own, and the typed ones of one table.

mod assignment;
mod batch;
mod beside;
mod changes;
mod delete;
mod filter;
mod find;
mod fragment;
mod insert;
mod keys;
mod keyset;
mod operators;
mod plan;
mod reads;
mod run;
mod script;
#[cfg(test)]
mod snapshot;
mod sort;
mod statement;
pub(crate) mod text;
mod update;
mod upsert;
mod written;

pub use assignment::Assignment;
pub(crate) use batch::{insert_many, insert_many_new, insert_part};
pub use changes::{Changes, change};
pub use delete::Delete;
pub use filter::Filter;
pub use find::{Find, FindValues, HasAverage, HasMinMax, HasSum, InTransaction};
pub(crate) use fragment::{Fragment, Text};
pub(crate) use insert::insert;
pub(crate) use keys::{delete_many, get_many};
pub use keyset::{Page, PageToken, Pages};
pub use operators::{IsArray, IsText, IsTextFor, TextRank};
pub(crate) use plan::{Plan, misfit, places, unreadable};
pub(crate) use reads::{Reads, open_again};
pub(crate) use run::{Run, no_row, open};
pub(crate) use script::script;
pub use sort::Sort;
pub(crate) use statement::execute;
pub use statement::{Query, query};
pub use update::Update;
pub(crate) use update::update;
pub use upsert::Upserted;
pub(crate) use upsert::upsert;
