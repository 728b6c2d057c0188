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

pub(crate) use connect::Session;
pub use db::Db;
pub(crate) use guard::{Guard, Lease, Step, interrupted};
pub use handle::Handle;
pub use raw::RawConnection;
