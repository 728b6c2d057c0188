//! Typed paths into jsonb documents: conditions, orders, changes of a part, and the indexes that serve them.
//!
//! A struct that derives [`PgJson`](macro@crate::PgJson) has a constant for each field, and
//! [`Column::at`](crate::Column::at) leads from a column to it. A path follows the form that serde gives the struct,
//! so it names what is stored.

mod arg;
mod edit;
mod field;
mod filter;
mod index;
mod leaf;
mod order;
mod path;
mod shape;
mod sql;
mod step;
mod untyped;

pub use arg::JsonArg;
pub use field::{JsonField, JsonFlat};
#[doc(hidden)]
pub use index::{document_index, path_index};
pub use leaf::{JsonIndexed, JsonNumber, JsonScalar, Rendering};
pub use path::JsonPath;
pub use shape::{JsonArray, JsonColumn, JsonContainer, JsonMap, JsonObject, LeadsTo};
pub use step::JsonStep;
pub(crate) use untyped::{insert_json, query_json};
