//! A throwaway PostgreSQL server, a database for each test, and a proxy that makes networks fail.
//!
//! Feature `testkit`, on Unix. Nobody has to install or configure a server: [`Server`] takes the one that the environment
//! names, else it runs a private cluster of the PostgreSQL that is installed, else of one that the user's own `npm`
//! downloads. [`test`](macro@crate::test) gives each test a database of its own:
//!
//! ```no_run
//! use pgrepo::testkit::TestDatabase;
//!
//! #[pgrepo::test(sql = "CREATE TABLE airports (icao text PRIMARY KEY)")]
//! async fn airports_are_empty(db: TestDatabase) {
//!     println!("{}", db.url());
//! }
//! ```
//!
//! | variable | meaning |
//! |---|---|
//! | `PGREPO_TEST_DATABASE_URL` | the server that tests use; its account may create databases, its other databases are never touched |
//! | `PGREPO_TEST_VERSION` | the major version of the servers, such as `13`: an installed one of it, else npm's; a named server of another is an error |
//! | `TMPDIR` | where private clusters live; `/dev/shm` can be ten times as fast as a disk, where it has some 100 MB to spare |
//! | `PGREPO_REQUIRE=all` | a test that is [skipped](skip) fails |

mod account;
mod address;
mod admin;
mod cluster;
mod command;
mod database;
mod download;
mod error;
mod fresh;
mod harness;
mod initdb;
mod installed;
mod options;
mod proxy;
mod queries;
mod server;
mod skip;
mod supervisor;
mod template;

pub use database::TestDatabase;
pub use error::TestkitError;
pub use harness::FromTestDatabase;
#[doc(hidden)]
pub use harness::{TestSetup, run_test};
pub use options::{Rung, ServerOptions, StopMode, TEST_URL_VARIABLE, TEST_VERSION_VARIABLE};
pub use proxy::{Cut, Ending, Faults, Message, Moment, Proxy, ProxyCounts};
pub use queries::Queries;
pub use server::Server;
pub use skip::{need, skip, skipped};
pub use template::Template;
