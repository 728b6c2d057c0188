//! What is dropped.

use super::phase::At;
use super::phase::Phase::{self, *};
use super::subject::Subject;
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

/// What a worker does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Query,
    Insert,
    Tx(End),
    Copy { rows: usize, pad: usize },
    WholeCopy { rows: usize, pad: usize },
    CopyOut { read: usize },
    Stream { read: usize },
}

impl Operation {
    /// The operation that a phase belongs to.
    pub(super) fn of(phase: Phase, rng: &mut Rng) -> Self {
        let (rows, pad) = [(5, 10), (24, 8 * 1024)][rng.below(2)];
        match phase {
            Query => Self::Query,
            Insert => Self::Insert,
            Commit => Self::Tx(End::Commit),
            Rollback => Self::Tx(End::Rollback),
            Begin | InTransaction => Self::Tx([End::Commit, End::Rollback, End::Drop][rng.below(3)]),
            CopyStart | CopyFinish => Self::Copy { rows, pad },
            BetweenChunks => Self::Copy { rows: 24, pad: 8 * 1024 },
            WholeCopy => Self::WholeCopy { rows, pad },
            // Now and then its own code stops reading, too.
            CopyOut | CopyOutRows => Self::CopyOut { read: [0, 10, ALL, ALL, ALL, ALL][rng.below(6)] },
            Stream | StreamRows => Self::Stream { read: [0, 10, ALL, ALL, ALL, ALL][rng.below(6)] },
        }
    }

    /// Runs it; its number is its nonce and the group of its rows. `Ok(false)` is a wrong answer.
    pub(super) async fn run<S: Subject>(self, on: &S, number: i64, at: &At) -> Result<bool, S::Error> {
        match self {
            Self::Query => Ok(on.query(number, at).await? == number),
            Self::Insert => on.insert(number, at).await,
            Self::Tx(end) => on.transaction(number, end, at).await,
            Self::Copy { rows, pad } => Ok(on.copy_in(number, rows, pad, at).await? == rows as u64),
            Self::WholeCopy { rows, pad } => Ok(on.whole_copy_in(number, rows, pad, at).await? == rows as u64),
            Self::CopyOut { read } => on.copy_out(read, at).await,
            Self::Stream { read } => on.stream(number, read, at).await,
        }
    }

    /// How many rows of its group are there when it took effect; a group has all of them or none.
    pub(super) fn stores(self) -> i64 {
        match self {
            Self::Insert => 1,
            Self::Tx(End::Commit) => 3,
            Self::Copy { rows, .. } | Self::WholeCopy { rows, .. } => i64::try_from(rows).unwrap(),
            _ => 0,
        }
    }
}
