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
    // What not every subject has.
    Delete,
    DeleteMany,
    UpdateWhere,
    UpdateMany,
    Merge,
    InsertNew,
    InsertManyNew,
    Read,
    Pages,
    Script,
    CopyRecords,
    InsertJson,
    EditJson,
    ExecuteAll,
    Closure,
    RetriedClosure,
    Lock,
    Concurrent,
    Load,
    CopyOutRaw,
}

/// All of them, in their order.
pub(crate) const PHASES: [Phase; 43] = [
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
    Phase::Delete,
    Phase::DeleteMany,
    Phase::UpdateWhere,
    Phase::UpdateMany,
    Phase::Merge,
    Phase::InsertNew,
    Phase::InsertManyNew,
    Phase::Read,
    Phase::Pages,
    Phase::Script,
    Phase::CopyRecords,
    Phase::InsertJson,
    Phase::EditJson,
    Phase::ExecuteAll,
    Phase::Closure,
    Phase::RetriedClosure,
    Phase::Lock,
    Phase::Concurrent,
    Phase::Load,
    Phase::CopyOutRaw,
];

impl Phase {
    /// How many of them, the first, every subject has.
    pub(crate) const COMMON: usize = 23;

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
