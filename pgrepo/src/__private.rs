//! What generated code names; not a part of the API.

pub use core::option::Option;
pub use core::option::Option::{None, Some};
pub use core::primitive::{bool, str, u8, usize};
pub use core::result::Result;
pub use core::result::Result::{Err, Ok};
pub use core::str::from_utf8;

pub use crate::__statement as statement;
pub use crate::table::sql::{self, Layout, Part};
