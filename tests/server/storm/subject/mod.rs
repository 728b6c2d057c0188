//! The storm's operations, on pgrepo and on plain sqlx.

use std::fmt::Debug;
use std::future::Future;

use pgrepo::{Json, PgJson, PgTable};
use serde::{Deserialize, Serialize};

use super::operation::{Also, Answer, End};
use super::phase::{At, Phase};
use super::verdict::Verdict;

pub(crate) use further::{PAPERS, stores};
pub(crate) use plain::Plain;

mod further;
mod ours;
mod plain;

/// What the storm blows on.
pub(crate) trait Subject: Clone + Send + Sync + 'static {
    /// What its sessions are called on the server.
    const NAME: &'static str;
    /// Where its operations are struck.
    const PHASES: &'static [Phase];
    type Error: Debug + Send;

    /// Whether an error is one that a broken connection may end in.
    fn is_of_the_network(error: &Self::Error) -> bool;
    /// What an error says about the operation's effect.
    fn verdict(error: &Self::Error) -> Verdict;

    fn query(&self, nonce: i64, at: &At) -> impl Future<Output = Result<i64, Self::Error>> + Send;
    fn insert(&self, group: i64, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn insert_returning(&self, group: i64, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn insert_many(&self, group: i64, rows: usize, at: &At) -> impl Future<Output = Result<u64, Self::Error>> + Send;
    /// Changes a row of `kept`.
    fn change(
        &self,
        change: Change,
        id: i64,
        value: i64,
        at: &At,
    ) -> impl Future<Output = Result<Answer, Self::Error>> + Send;
    fn find(&self, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    /// Three rows, and what there is also.
    fn transaction(
        &self,
        group: i64,
        end: End,
        also: Also,
        at: &At,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn copy_in(
        &self,
        group: i64,
        rows: usize,
        pad: usize,
        at: &At,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
    fn whole_copy_in(
        &self,
        group: i64,
        rows: usize,
        pad: usize,
        at: &At,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
    fn copy_out(&self, read: usize, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn stream(&self, nonce: i64, read: usize, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    fn chunks(&self, nonce: i64, at: &At) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    /// An operation that is one phase, and that not every subject has.
    fn further(
        &self,
        phase: Phase,
        worker: i64,
        number: i64,
        at: &At,
    ) -> impl Future<Output = Result<Answer, Self::Error>> + Send;
}

/// How a row of `kept` is changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Upsert,
    /// Read, and written over if it still has the version that was read.
    Update,
    Patch,
}

#[derive(Debug, Clone, PgTable)]
#[pg(table = "kept")]
struct Kept {
    #[pg(primary_key)]
    id: i64,
    value: i64,
    #[pg(version)]
    version: i32,
}

#[derive(Debug, Clone, PgTable)]
#[pg(table = "stored")]
pub(crate) struct Stored {
    pub(crate) grp: i64,
    pub(crate) id: i32,
    pub(crate) pad: String,
}

/// A row whose deletion is written down.
#[derive(Debug, Clone, PgTable)]
#[pg(table = "spare")]
struct Spare {
    #[pg(primary_key)]
    id: i64,
    grp: i64,
}

/// A row whose changes are written down, with a document.
#[derive(Debug, Clone, PgTable)]
#[pg(table = "papers")]
struct Paper {
    #[pg(primary_key)]
    id: i64,
    value: i64,
    doc: Json<Doc>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PgJson)]
struct Doc {
    edits: i64,
}

#[derive(Debug, PgTable)]
#[pg(table = "big")]
struct Big {
    grp: i64,
    id: i32,
    pad: String,
}

pub(crate) fn rows(group: i64, rows: usize, pad: usize) -> impl Iterator<Item = Stored> {
    (0..rows).map(move |i| Stored { grp: group, id: i32::try_from(i).unwrap(), pad: "y".repeat(pad) })
}

const INSERT: &str = "INSERT INTO stored VALUES ($1, $2, 'z')";
const SERIES: &str = "SELECT $1::int8 + i, repeat('s', 500) FROM generate_series(0, 499) i";
