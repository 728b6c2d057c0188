//! Pages to read; there is nothing to call here.

#[doc = include_str!("../docs/guide/from-python.md")]
pub mod from_python {}

#[doc = include_str!("../docs/guide/promises.md")]
pub mod promises {}

#[doc = include_str!("../docs/guide/loading.md")]
pub mod loading {}

#[doc = include_str!("../docs/guide/operating.md")]
pub mod operating {}
