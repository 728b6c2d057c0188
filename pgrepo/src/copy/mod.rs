//! Binary COPY, in and out.

mod bounds;
mod catalog;
pub mod frame;
mod load;
mod typed;
mod unload;

pub use load::CopyReport;
pub use typed::{CopyIn, CopyInOptions};
pub use unload::CopyOutStream;
