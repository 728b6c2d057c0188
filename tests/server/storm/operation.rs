//! What is dropped or cut.

use super::phase::At;
use super::phase::Phase::{self, *};
use super::subject::{Change, Subject, stores};
use crate::support::Rng;

/// Reads to the end.
pub(crate) const ALL: usize = usize::MAX;

/// How a transaction is to end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Commit,
    Rollback,
    Drop,
}

const ENDS: [End; 3] = [End::Commit, End::Rollback, End::Drop];

/// What an operation that ended without an error says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Right,
    /// Not what was asked, or not as many rows as were written.
    Wrong,
    /// It was refused rightly, and wrote nothing.
    Nothing,
}

impl From<bool> for Answer {
    fn from(right: bool) -> Self {
        if right { Self::Right } else { Self::Wrong }
    }
}

/// What a worker does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Query,
    Insert,
    InsertReturning,
    InsertMany {
        rows: usize,
    },
    /// Of the row that is the worker's own.
    Change(Change, i64),
    Find,
    Tx {
        end: End,
        also: Also,
    },
    Copy {
        rows: usize,
        pad: usize,
    },
    WholeCopy {
        rows: usize,
        pad: usize,
    },
    CopyOut {
        read: usize,
    },
    Stream {
        read: usize,
    },
    Chunks,
    /// One that is one phase.
    Further(Phase, i64),
}

impl Operation {
    /// The operation that a phase belongs to.
    pub(super) fn of(phase: Phase, worker: i64, rng: &mut Rng) -> Self {
        let (rows, pad) = [(5, 10), (24, 8 * 1024)][rng.below(2)];
        let also = [Also::Nothing, Also::Load, Also::Savepoints][rng.below(3)];
        match phase {
            Query => Self::Query,
            Insert => Self::Insert,
            InsertReturning => Self::InsertReturning,
            // As one statement, or by COPY.
            InsertMany => Self::InsertMany { rows: [3, 300][rng.below(2)] },
            Upsert => Self::Change(Change::Upsert, worker),
            Update => Self::Change(Change::Update, worker),
            Patch => Self::Change(Change::Patch, worker),
            Find => Self::Find,
            Commit => Self::Tx { end: End::Commit, also },
            Rollback => Self::Tx { end: End::Rollback, also },
            CopyInTransaction => Self::Tx { end: ENDS[rng.below(3)], also: Also::Load },
            Savepoint => Self::Tx { end: ENDS[rng.below(3)], also: Also::Savepoints },
            Begin | InTransaction => Self::Tx { end: ENDS[rng.below(3)], also },
            CopyStart | CopyFinish => Self::Copy { rows, pad },
            BetweenChunks => Self::Copy { rows: 24, pad: 8 * 1024 },
            WholeCopy => Self::WholeCopy { rows, pad },
            // Now and then its own code stops reading, too; before the first row only where none is to be struck at.
            CopyOut => Self::CopyOut { read: [0, 10, ALL, ALL, ALL, ALL][rng.below(6)] },
            CopyOutRows => Self::CopyOut { read: [10, ALL, ALL, ALL, ALL, ALL][rng.below(6)] },
            Stream => Self::Stream { read: [0, 10, ALL, ALL, ALL, ALL][rng.below(6)] },
            StreamRows => Self::Stream { read: [10, ALL, ALL, ALL, ALL, ALL][rng.below(6)] },
            Chunks => Self::Chunks,
            further => Self::Further(further, worker),
        }
    }

    /// The same, read to the end.
    pub(super) fn whole(self) -> Self {
        match self {
            Self::CopyOut { .. } => Self::CopyOut { read: ALL },
            Self::Stream { .. } => Self::Stream { read: ALL },
            other => other,
        }
    }

    /// Runs it; its number is its nonce, the group of its rows, and the value that it writes.
    pub(super) async fn run<S: Subject>(self, on: &S, number: i64, at: &At) -> Result<Answer, S::Error> {
        let as_many = |count, rows| Answer::from(count == rows as u64);
        match self {
            Self::Query => Ok(Answer::from(on.query(number, at).await? == number)),
            Self::Insert => on.insert(number, at).await.map(Answer::from),
            Self::InsertReturning => on.insert_returning(number, at).await.map(Answer::from),
            Self::InsertMany { rows } => Ok(as_many(on.insert_many(number, rows, at).await?, rows)),
            Self::Change(change, row) => on.change(change, row, number, at).await,
            Self::Find => on.find(at).await.map(Answer::from),
            Self::Tx { end, also } => on.transaction(number, end, also, at).await.map(Answer::from),
            Self::Copy { rows, pad } => Ok(as_many(on.copy_in(number, rows, pad, at).await?, rows)),
            Self::WholeCopy { rows, pad } => Ok(as_many(on.whole_copy_in(number, rows, pad, at).await?, rows)),
            Self::CopyOut { read } => on.copy_out(read, at).await.map(Answer::from),
            Self::Stream { read } => on.stream(number, read, at).await.map(Answer::from),
            Self::Chunks => on.chunks(number, at).await.map(Answer::from),
            Self::Further(phase, worker) => on.further(phase, worker, number, at).await,
        }
    }

    /// How many rows of its group are there when it took effect; a group has all of them or none.
    pub(super) fn stores(self) -> i64 {
        match self {
            // A change is written down by a trigger.
            Self::Insert | Self::InsertReturning | Self::Change(..) => 1,
            Self::Tx { end: End::Commit, also } => 3 + also.rows(),
            Self::InsertMany { rows } | Self::Copy { rows, .. } | Self::WholeCopy { rows, .. } => {
                i64::try_from(rows).unwrap()
            }
            Self::Further(phase, _) => stores(phase),
            _ => 0,
        }
    }
}

/// What a transaction does beside its three rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Also {
    Nothing,
    Load,
    /// One that is kept, and one that is rolled back.
    Savepoints,
}

/// The rows that a transaction loads.
pub(crate) const COPIED: usize = 20;

impl Also {
    /// The rows that stay of it.
    pub(crate) fn rows(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Load => i64::try_from(COPIED).unwrap(),
            Self::Savepoints => 1,
        }
    }
}
