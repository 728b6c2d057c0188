//! What a database looks like, and whether structs fit it.

mod ddl;
mod registry;

pub use ddl::create_table_sql;
#[cfg(feature = "registry")]
pub use registry::Registered;
