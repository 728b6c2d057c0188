//! Loads that go on past bad rows and hand them back.
//!
//! [`drive`] waits for the first row ([`early`] is a connection that is needed before), [`run`] goes through the source in
//! batches: [`intake`] takes its rows and encodes them, [`feed`] sends them, [`answer`]
//! says what came of it, [`deferred`] has constraints checked meanwhile,
//! [`isolate`] finds the bad ones of a batch that the server refused, by [`blame`] and with the help of [`suspects`], and
//! [`sink`] takes the rejects. A merge is a load into its table, whose rows are one great batch then ([`merging`]).

mod answer;
mod blame;
mod budget;
mod bulk;
mod columns;
mod deferred;
mod drive;
mod early;
mod feed;
mod intake;
mod isolate;
mod merged;
mod merging;
mod reject;
mod reject_table;
mod report;
mod run;
mod settings;
mod sink;
mod source;
mod suspects;

pub use bulk::BulkLoad;
pub use reject::Rejected;
pub(crate) use report::Report;
pub use report::{Commit, LoadReport};
pub use source::{RowError, SourceError};
