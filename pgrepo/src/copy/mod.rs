//! Binary COPY, in and out.

mod bounds;
mod catalog;
pub mod frame;
mod load;
mod typed;
mod unload;

pub(crate) use catalog::Target;
pub(crate) use load::Load;
pub use load::CopyReport;
pub use typed::{CopyIn, CopyInOptions};
pub use unload::CopyOutStream;
