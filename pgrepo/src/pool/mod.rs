//! Connections: how they are made, lent, and never lent again once an operation on them did not end.

mod connect;
mod control;
mod db;
pub(crate) mod driver;
mod guard;
mod handle;
#[cfg(unix)]
mod nodelay;
mod raw;
mod trouble;
mod values;

pub(crate) use connect::Session;
pub use db::Db;
pub(crate) use guard::{Guard, Lease, Step, interrupted};
pub use handle::{Handle, InSchema};
pub use raw::RawConnection;
pub(crate) use trouble::Passing;
pub(crate) use values::{Encoded, Param, Values};
