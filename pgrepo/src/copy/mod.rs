//! Binary COPY, in and out.

mod bounds;
mod catalog;
pub mod frame;
mod load;
mod raw;
mod records;
mod select;
mod tolerant;
mod typed;
mod unload;

pub(crate) use catalog::Target;
pub use load::CopyReport;
pub(crate) use raw::copy_out_raw;
pub use raw::{CopyFormat, CopyOutReport};
pub(crate) use records::copy_records;
pub(crate) use select::Selection;
pub use tolerant::{BulkLoad, Commit, LoadReport, Rejected, RowError, SourceError};
pub use typed::{CopyIn, CopyInOptions};
pub use unload::CopyOutStream;
