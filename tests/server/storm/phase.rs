//! Where an operation is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What an operation is about to wait for: told by the operation itself, between its awaits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    Query,
    Insert,
    InsertReturning,
    InsertMany,
    Upsert,
    Update,
    Patch,
    Find,
    Begin,
    InTransaction,
    CopyInTransaction,
    Savepoint,
    Commit,
    Rollback,
    CopyStart,
    BetweenChunks,
    CopyFinish,
    WholeCopy,
    CopyOut,
    CopyOutRows,
    Stream,
    StreamRows,
    Chunks,
}

/// All of them, in their order.
pub(super) const PHASES: [Phase; 23] = [
    Phase::Query,
    Phase::Insert,
    Phase::InsertReturning,
    Phase::InsertMany,
    Phase::Upsert,
    Phase::Update,
    Phase::Patch,
    Phase::Find,
    Phase::Begin,
    Phase::InTransaction,
    Phase::CopyInTransaction,
    Phase::Savepoint,
    Phase::Commit,
    Phase::Rollback,
    Phase::CopyStart,
    Phase::BetweenChunks,
    Phase::CopyFinish,
    Phase::WholeCopy,
    Phase::CopyOut,
    Phase::CopyOutRows,
    Phase::Stream,
    Phase::StreamRows,
    Phase::Chunks,
];

impl Phase {
    /// Whether what is lost here can have no effect: COMMIT, or what commits by itself, has not been sent.
    pub(super) fn is_before_the_effect(self) -> bool {
        use Phase::*;
        matches!(self, Begin | InTransaction | CopyInTransaction | Savepoint | Rollback | CopyStart | BetweenChunks)
    }
}

/// Where an operation is; shared with whoever drops it.
#[derive(Debug, Clone, Default)]
pub(crate) struct At(Arc<AtomicU8>);

impl At {
    pub(crate) fn now(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Phase {
        PHASES[usize::from(self.0.load(Ordering::Relaxed))]
    }
}
