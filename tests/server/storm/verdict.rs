//! What was promised about the rows of each operation, and what is there.

use std::collections::BTreeMap;

use super::phase::{PHASES, Phase};
use crate::support::Direct;

/// What a storm saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The operations dropped in each phase.
    pub(super) drops: BTreeMap<Phase, u64>,
    /// The operations that ended by an error of their connection, by the phase that it came in.
    pub(super) broken: BTreeMap<Phase, u64>,
    /// Operations and checks that nobody answered within the time, by the phase that they were in.
    pub(super) stuck: BTreeMap<Phase, u64>,
    /// The cuts that were ordered for an operation in each phase; another may have met it, in another phase.
    pub(super) cuts: BTreeMap<Phase, u64>,
    pub(super) ended: u64,
    /// Answers that were not the question's, and rows half there, twice, or there after it was said that they are not.
    pub(super) wrong: Vec<String>,
    /// Writes that were answered Ok and are not there.
    pub(super) lost: Vec<String>,
    /// Errors that nobody was to see.
    pub(super) errors: Vec<String>,
    pub(super) most_sessions: i64,
}

impl Seen {
    /// The errors that cuts caused.
    pub(super) fn failures(&self) -> u64 {
        self.broken.values().sum()
    }

    /// What nobody answered.
    pub(super) fn silences(&self) -> u64 {
        self.stuck.values().sum()
    }

    /// The cuts that were ordered in all.
    pub(super) fn ordered(&self) -> u64 {
        self.cuts.values().sum()
    }

    /// Fails if operations were dropped less often in any phase.
    pub(super) fn dropped_at_least(&self, floor: u64) {
        at_least(&self.drops, floor, "drops");
    }

    /// Fails if less cuts were ordered for any phase.
    pub(super) fn cut_at_least(&self, floor: u64) {
        at_least(&self.cuts, floor, "cuts");
    }

    pub(super) fn no_harm(&self) {
        assert!(self.wrong.is_empty(), "wrong answers: {:#?}", self.wrong);
        assert!(self.lost.is_empty(), "lost writes: {:#?}", self.lost);
        assert!(self.errors.is_empty(), "errors: {:#?}", self.errors);
    }
}

fn at_least(counts: &BTreeMap<Phase, u64>, floor: u64, what: &str) {
    for phase in PHASES {
        let count = counts.get(&phase).copied().unwrap_or(0);
        assert!(count >= floor, "{count} {what} in {phase:?}, and {floor} are wanted");
    }
}

/// What is known of an operation's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was answered: its rows must be there.
    Sure,
    /// It was said to have had no effect, or dropped before it could: no row may be there.
    Never,
    /// Nobody was told: all rows or none.
    Maybe,
}

/// What was promised about the rows of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise {
    pub(super) rows: i64,
    pub(super) verdict: Verdict,
}

/// Compares the stored rows with what was promised.
pub(super) async fn settle(promises: &BTreeMap<i64, Promise>, seen: &mut Seen, direct: &mut Direct) {
    let stored: String = direct
        .one(
            "SELECT coalesce(json_object_agg(grp, n), '{}')::text FROM (SELECT grp, count(*) AS n FROM stored \
             GROUP BY grp) s",
        )
        .await;
    let stored: BTreeMap<i64, i64> = serde_json::from_str(&stored).unwrap();
    for (group, Promise { rows, verdict }) in promises {
        match (verdict, stored.get(group).copied().unwrap_or(0)) {
            (Verdict::Sure, 0) if *rows > 0 => seen.lost.push(format!("group {group}: answered, and not stored")),
            (Verdict::Never, found @ 1..) => {
                seen.wrong.push(format!("group {group}: {found} rows of what was said to have had no effect"));
            }
            (_, 0) => {}
            (_, found) if found != *rows => seen.wrong.push(format!("group {group}: {found} of {rows} rows")),
            _ => {}
        }
    }
    let unknown: Vec<_> = stored.keys().filter(|group| !promises.contains_key(group)).collect();
    if !unknown.is_empty() {
        seen.wrong.push(format!("groups that nobody wrote: {unknown:?}"));
    }
}
