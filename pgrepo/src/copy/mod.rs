//! Binary COPY, in and out.

mod bounds;
mod catalog;
mod failed;
pub mod frame;
mod load;
mod merge;
mod records;
mod typed;
mod unload;

pub(crate) use catalog::Target;
pub use load::CopyReport;
pub use merge::{Duplicates, Merge, MergeOutcome, MergeReport, Merged, UpdateMany};
pub(crate) use records::copy_records;
pub use typed::{CopyIn, CopyInOptions};
pub use unload::CopyOutStream;
