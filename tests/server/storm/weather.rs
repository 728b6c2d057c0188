//! Which faults a storm brings.

use pgrepo::testkit::{Cut, Ending, Message, Moment};

use super::phase::Phase;
use crate::support::Rng;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    /// Operations are dropped, and nobody may see an error.
    Drops,
    /// Operations are dropped, or the network ends a connection at some message.
    Cuts,
    /// Operations are dropped, or the network falls silent at some message, and whoever waits gives up.
    Silence,
}

impl Weather {
    /// The cut of a round in which it is not dropped, if this brings any.
    pub(super) fn cut(self, phase: Phase, rng: &mut Rng) -> Option<Cut> {
        if self == Self::Drops {
            return None;
        }
        let ending = match self {
            Self::Silence => Ending::Silence,
            _ => [Ending::Reset, Ending::Close][rng.below(2)],
        };
        // Messages are counted over all connections: whoever sends the n-th from now is hit, be it the control connection
        // or one that is being made. What falls silent is to be one of the operations'.
        let message = match message(phase, rng) {
            Some(message) if self == Self::Silence || rng.below(4) > 0 => message,
            None if self == Self::Silence => Message::Sql("INSERT INTO stored".into()),
            _ => Message::Any,
        };
        let nth = match message {
            Message::Any => 1 + rng.next() % 100,
            _ => 1 + rng.next() % 2,
        };
        let moment = [Moment::Before, Moment::After][rng.below(2)];
        Some(Cut { nth, moment, ending, ..Cut::before(message) })
    }
}

/// A message that is sent in a phase.
fn message(phase: Phase, rng: &mut Rng) -> Option<Message> {
    let sql = |text: &str| Some(Message::Sql(text.to_owned()));
    match phase {
        Phase::Query => sql("SELECT $1::int8"),
        Phase::Insert | Phase::InTransaction => sql("INSERT INTO stored VALUES"),
        Phase::InsertReturning | Phase::InsertMany => sql("INSERT INTO \"stored\""),
        Phase::Upsert => sql("WITH pgrepo_new"),
        Phase::Update | Phase::Patch => sql("UPDATE"),
        Phase::Find => sql("SELECT \"grp\""),
        Phase::Begin => sql("BEGIN"),
        Phase::CopyInTransaction => sql(["SAVEPOINT pgrepo_copy", "RELEASE"][rng.below(2)]),
        Phase::Savepoint => sql(["SAVEPOINT pgrepo_1", "RELEASE", "ROLLBACK TO"][rng.below(3)]),
        Phase::Commit => sql("SAVEPOINT pgrepo_commit"),
        Phase::Rollback => sql("ROLLBACK"),
        Phase::CopyStart => sql(["BEGIN; LOCK", "COPY \"stored\""][rng.below(2)]),
        Phase::BetweenChunks => Some(Message::Type(b'd')),
        Phase::CopyFinish | Phase::WholeCopy => {
            if rng.below(2) == 0 {
                Some(Message::Type(b'c'))
            } else {
                sql("COMMIT")
            }
        }
        Phase::CopyOut | Phase::CopyOutRows => sql("COPY \"big\""),
        Phase::Stream | Phase::StreamRows | Phase::Chunks => sql("SELECT $1::int8 + i"),
        Phase::Delete | Phase::DeleteMany => sql("DELETE"),
        Phase::UpdateWhere | Phase::EditJson => sql("UPDATE"),
        Phase::UpdateMany | Phase::Merge => {
            sql(["CREATE TEMPORARY", "INSERT INTO pg_temp", "UPDATE", "COMMIT"][rng.below(4)])
        }
        Phase::InsertNew => sql("INSERT INTO \"kept\""),
        Phase::InsertManyNew => sql("WITH u"),
        Phase::InsertJson => sql("INSERT INTO \"papers\""),
        Phase::Read => sql("SELECT count"),
        Phase::Pages => sql("SELECT \"id\""),
        Phase::Script | Phase::ExecuteAll | Phase::Closure | Phase::RetriedClosure => sql("INSERT INTO stored VALUES"),
        Phase::CopyRecords | Phase::Load => sql(["COPY", "COMMIT"][rng.below(2)]),
        Phase::Lock => sql("SELECT pg_catalog.pg_advisory"),
        Phase::Concurrent => sql("SELECT $1::int8"),
        Phase::CopyOutRaw => sql("COPY"),
    }
}
