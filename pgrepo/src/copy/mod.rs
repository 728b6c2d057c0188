//! Binary COPY, in and out.

mod bounds;
mod catalog;
mod failed;
mod feed;
pub mod frame;
mod kind;
mod literal;
mod load;
mod lookout;
mod merge;
mod options;
mod plan;
mod progress;
mod raw;
mod records;
mod select;
mod tolerant;
mod typed;
mod unload;

pub(crate) use catalog::Target;
pub(crate) use kind::is_secured;
pub use load::CopyReport;
pub use merge::{DeleteMany, DeleteReport, Duplicates, Merge, MergeOutcome, MergeReport, Merged, UpdateMany};
pub use options::CopyInOptions;
pub use progress::{LoadPhase, LoadProgress, Progress};
pub(crate) use raw::copy_out_raw;
#[cfg(feature = "csv")]
pub(crate) use raw::delimits_csv;
pub use raw::{CopyFormat, CopyOutReport};
pub(crate) use records::copy_records;
pub(crate) use select::Selection;
pub use tolerant::{BulkLoad, Commit, LoadReport, Rejected, RowError, SourceError};
pub use typed::CopyIn;
pub use unload::CopyOutStream;
pub(crate) use unload::OPERATION as COPY_OUT;
