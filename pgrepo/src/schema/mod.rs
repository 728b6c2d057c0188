//! What a database looks like, and whether structs fit it.

mod compare;
mod contract;
mod ddl;
mod diff;
mod labels;
mod live;
mod mend;
mod registry;
mod shape;
mod snapshot;
mod verify;

pub use contract::Contract;
pub use ddl::create_table_sql;
pub use diff::{Difference, DifferenceKind, FilledBy, Severity};
#[cfg(feature = "registry")]
pub use registry::Registered;
pub use shape::{ColumnShape, ConstraintShape, IndexShape, TableShape, TypeShape};
pub use snapshot::Snapshot;
#[cfg(feature = "registry")]
pub use verify::verify_all;
pub use verify::{verify, verify_tables};
