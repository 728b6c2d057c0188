//! Binary COPY, in and out.

mod bounds;
mod catalog;
pub mod frame;
mod load;
mod records;
mod tolerant;
mod typed;
mod unload;

pub(crate) use catalog::Target;
pub use load::CopyReport;
pub(crate) use records::copy_records;
pub use tolerant::{BulkLoad, Commit, LoadReport, Rejected, RowError, SourceError};
pub use typed::{CopyIn, CopyInOptions};
pub use unload::CopyOutStream;
