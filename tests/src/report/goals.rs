//! The goals, and what became of them.

use std::fmt;

use super::Results;
use super::goal_list::GOALS;
use super::number::{Metric, metric, number, ratio};

/// How far it may be, or has to be, from the one beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// At most so many times the other's figure. Less is better.
    AtMost(f64),
    /// At least so many times the other's figure. More is better.
    AtLeast(f64),
    /// So many times faster: the other's figure is at least so many times ours. Less is better.
    Faster(f64),
    /// At most this, whatever the others do. Less is better.
    Limit(f64),
    /// Not once, in any round.
    Never,
}

/// A goal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) workload: &'static str,
    /// Empty: whichever was measured.
    pub(crate) placement: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) ours: &'static str,
    /// The best of these counts.
    pub(crate) theirs: &'static [&'static str],
    pub(crate) bound: Bound,
    /// What has to be written first.
    pub(crate) missing: Option<&'static str>,
}

/// What became of a goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    Reached,
    /// By which part of the goal.
    Missed(f64),
    NotThereYet(&'static str),
    NotMeasured,
}

/// A goal's figures.
pub(crate) struct Outcome<'a> {
    pub(crate) ours: Option<f64>,
    pub(crate) theirs: Option<(&'a str, f64)>,
    pub(crate) ratio: Option<f64>,
    pub(crate) verdict: Verdict,
}

impl Goal {
    fn more_is_better(&self) -> bool {
        metric(self.metric).is_some_and(|m| m.more_is_better)
    }

    /// Holds the goal against what was measured.
    pub(crate) fn outcome<'a>(&self, results: &'a Results) -> Outcome<'a> {
        let line = |subject: &str| results.line(self.workload, self.placement, subject, self.metric);
        let counted = |l: &super::Line| if self.bound == Bound::Never { l.max } else { l.median };
        let ours = line(self.ours).map(counted);
        let others = self.theirs.iter().filter_map(|name| line(name)).map(|l| (l.subject.as_str(), l.median));
        let theirs = match self.more_is_better() {
            true => others.max_by(|a, b| a.1.total_cmp(&b.1)),
            false => others.min_by(|a, b| a.1.total_cmp(&b.1)),
        };
        let by = |a: Option<f64>, b: Option<f64>| Some(a? / b?).filter(|ratio| ratio.is_finite());
        let other = theirs.map(|t| t.1);
        let ratio = match self.bound {
            Bound::Faster(_) => by(other, ours),
            Bound::AtMost(_) | Bound::AtLeast(_) => by(ours, other),
            Bound::Limit(_) | Bound::Never => None,
        };
        let missed = match self.bound {
            Bound::AtMost(goal) => ratio.map(|r| r / goal - 1.0),
            Bound::AtLeast(goal) | Bound::Faster(goal) => ratio.map(|r| 1.0 - r / goal),
            Bound::Limit(goal) => ours.map(|value| value / goal - 1.0),
            Bound::Never => ours,
        };
        let verdict = match (missed, self.missing) {
            (Some(part), _) if part > 0.0 => Verdict::Missed(part),
            (Some(_), _) => Verdict::Reached,
            (None, Some(what)) => Verdict::NotThereYet(what),
            (None, None) => Verdict::NotMeasured,
        };
        Outcome { ours, theirs, ratio, verdict }
    }

    /// The goal in words.
    fn words(&self) -> String {
        match self.bound {
            Bound::AtMost(goal) => format!("at most {goal} ×"),
            Bound::AtLeast(goal) => format!("at least {goal} ×"),
            Bound::Faster(goal) => format!("at least {goal} × faster"),
            Bound::Never => "none in any round".to_owned(),
            Bound::Limit(goal) => format!("at most {} {}", number(goal), metric(self.metric).map_or("", |m| m.unit)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reached => f.write_str("reached"),
            Self::Missed(part) if *part < 0.005 => f.write_str("missed by less than 1 %"),
            // A limit is missed by several times itself where something is wrong.
            Self::Missed(part) if *part >= 9.995 => write!(f, "missed {} times over", number(*part)),
            Self::Missed(part) => write!(f, "missed by {:.0} %", part * 100.0),
            Self::NotThereYet(what) => write!(f, "not there yet: {what}"),
            Self::NotMeasured => f.write_str("not measured"),
        }
    }
}

/// How many goals were reached, and the table of all.
pub(crate) fn table(results: &Results) -> String {
    let outcomes: Vec<_> = GOALS.iter().map(|goal| (goal, goal.outcome(results))).collect();
    let count = |is: fn(&Verdict) -> bool| outcomes.iter().filter(|(_, o)| is(&o.verdict)).count();
    let mut text = format!(
        "Of {} goals, {} are reached, {} are missed, {} wait for what is not there yet, and {} were not measured.\n\n\
         | workload | where | metric | pgrepo | beside it | ratio | goal | verdict |\n\
         |---|---|---|---:|---:|---:|---|---|\n",
        outcomes.len(),
        count(|v| *v == Verdict::Reached),
        count(|v| matches!(v, Verdict::Missed(_))),
        count(|v| matches!(v, Verdict::NotThereYet(_))),
        count(|v| *v == Verdict::NotMeasured),
    );
    for (goal, outcome) in outcomes {
        text += &row(goal, &outcome);
    }
    text
}

fn row(goal: &Goal, outcome: &Outcome<'_>) -> String {
    let name = metric(goal.metric).map_or(goal.metric.to_owned(), Metric::heading);
    let figure = outcome.ours.map_or("–".to_owned(), number);
    let ours = match goal.ours.strip_prefix("pgrepo") {
        None | Some("") => figure,
        Some(way) => format!("{}: {figure}", way.trim_start_matches(", ")),
    };
    let theirs = match (outcome.theirs, goal.theirs) {
        (Some((name, value)), _) => format!("{name}: {}", number(value)),
        (None, []) => String::new(),
        (None, [only]) => format!("{only}: –"),
        (None, _) => "the best: –".to_owned(),
    };
    let ratio = outcome.ratio.map_or(String::new(), |r| format!("{} ×", ratio(r)));
    let (workload, placement, goal) = (goal.workload, goal.placement, goal.words());
    format!("| {workload} | {placement} | {name} | {ours} | {theirs} | {ratio} | {goal} | {} |\n", outcome.verdict)
}
