//! Binary COPY, in and out.

pub mod frame;
