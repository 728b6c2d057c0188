//! Pages to read; there is nothing to call here.
//!
//! | you want to | page |
//! |---|---|
//! | write and read the first row | [Start](start) |
//! | describe tables, types and constraints | [Modelling](modelling) |
//! | get many rows in, bad ones among them | [Loading data](loading) |
//! | get rows out: conditions, pages, streams, joins | [Reading](reading) |
//! | ask for and change parts of documents | [JSON](json) |
//! | have several things take effect together, or none | [Transactions](transactions) |
//! | know what an error means, and what to do about it | [Failure](failure) |
//! | keep it running: schema, pool, statistics, tenants | [Operating](operating) |
//! | bring it to where it runs; features, platforms, versions | [Deploying](deploying) |
//! | know what is promised, by which test, and what is not | [What pgrepo promises](promises) |
//! | find what you know from asyncpg, sqlx, diesel, tokio-postgres | [Coming from](coming_from) |
//! | find what you know from the Python connector | [Coming from the Python connector](from_python) |
//!
//! # The layers
//!
//! Each uses those below it only.
#![doc = include_str!("../docs/guide/layers.svg")]

#[doc = include_str!("../docs/guide/start.md")]
pub mod start {}

#[doc = include_str!("../docs/guide/modelling.md")]
pub mod modelling {}

#[doc = include_str!("../docs/guide/loading.md")]
///
/// ## The way of a row
///
#[doc = include_str!("../docs/guide/copy.svg")]
pub mod loading {}

#[doc = include_str!("../docs/guide/reading.md")]
///
/// ## How fast
///
/// What the benchmark measured, with the server's sessions on one processor and the client on another. In all but Python's
/// the client waits for the server. One that has less to do, as with borrowed rows, waits more often: it gains processor time
/// (`docs/benchmarks.md`), and not rows a second.
///
#[doc = include_str!("../docs/guide/throughput.svg")]
pub mod reading {}

#[doc = include_str!("../docs/guide/json.md")]
pub mod json {}

#[doc = include_str!("../docs/guide/transactions.md")]
pub mod transactions {}

#[doc = include_str!("../docs/guide/failure.md")]
pub mod failure {}

#[doc = include_str!("../docs/guide/operating.md")]
pub mod operating {}

#[doc = include_str!("../docs/guide/deploying.md")]
pub mod deploying {}

#[doc = include_str!("../docs/guide/promises.md")]
pub mod promises {}

#[doc = include_str!("../docs/guide/coming-from.md")]
pub mod coming_from {}

#[doc = include_str!("../docs/guide/from-python.md")]
pub mod from_python {}
