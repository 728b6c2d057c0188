//! What a database looks like, and whether structs fit it.

mod compare;
mod contract;
mod ddl;
mod diff;
mod indexes;
mod info;
mod labels;
mod live;
mod mend;
mod registry;
mod seconds;
mod shape;
mod shown;
mod snapshot;
mod stats;
mod told;
mod verify;

pub use contract::Contract;
pub use ddl::create_table_sql;
pub use diff::{Difference, DifferenceKind, FilledBy, Severity};
pub use info::{ColumnInfo, IndexInfo, PartitionInfo, TableInfo, TableSize};
#[cfg(feature = "registry")]
pub use registry::Registered;
pub use shape::{ColumnShape, ConstraintShape, IndexShape, TableShape, TypeShape};
pub use snapshot::Snapshot;
pub use stats::{ConnectionStats, DatabaseStats, Replication, StandbyStats};
#[cfg(feature = "registry")]
pub use verify::verify_all;
pub use verify::{verify, verify_tables};
