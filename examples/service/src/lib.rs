//! A service over HTTP that shows pgrepo at work: airports are uploaded in bulk, listed, searched and counted, and the
//! service tells how it is. What it promises and how it is run stands in its `README.md`.

mod airport;
mod app;
mod body;
#[cfg(feature = "throwaway")]
pub mod client;
mod database;
mod lines;
mod migrations;
mod problem;
mod program;
mod rejects;
mod routes;
mod service;
mod settings;
mod stage;
#[cfg(feature = "throwaway")]
pub mod storm;
mod taken;
mod upload;

pub use airport::{Airport, Details, Line, NewAirport, Position, Reject, Upload};
pub use database::Database;
pub use migrations::{SchemaError, check as check_schema, run as run_migrations};
pub use problem::{Problem, chain};
pub use program::{log, serve};
pub use service::{Ended, Service, StartError};
pub use settings::{Settings, SettingsError};
