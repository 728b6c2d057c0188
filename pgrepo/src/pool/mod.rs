//! Connections: how they are made, lent, and never lent again once an operation on them did not end.

mod call;
mod connect;
mod control;
mod db;
mod deadline;
pub(crate) mod driver;
#[cfg(feature = "metrics")]
mod figures;
mod guard;
mod handle;
mod health;
mod hook;
mod look;
mod monitor;
#[cfg(unix)]
mod nodelay;
mod places;
mod raw;
mod shared;
mod slow;
mod status;
mod trouble;
mod values;

pub(crate) use connect::{Session, Who};
pub(crate) use control::{Control, PATIENCE};
pub use db::Db;
pub use deadline::WithDeadline;
pub(crate) use guard::{Guard, Lease, Step, interrupted};
pub(crate) use handle::Lender;
#[cfg(test)]
pub(crate) use handle::Nowhere;
pub use handle::{Handle, InSchema};
pub use health::Health;
pub use hook::{HookFuture, NewConnection};
pub use look::{LockWait, ServerProgress};
pub use monitor::{Monitor, MonitorEvent};
pub use raw::RawConnection;
pub(crate) use slow::Watch;
pub use status::PoolStatus;
pub(crate) use trouble::Passing;
pub(crate) use values::{Encoded, Param, Values};
