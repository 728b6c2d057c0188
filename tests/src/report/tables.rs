//! A table for each workload and placement.

use super::number::{METRICS, Metric, number, ratio};
use super::workloads::WORKLOADS;
use super::{Line, Results};

/// All tables.
pub(crate) fn all(results: &Results) -> String {
    let known = WORKLOADS.iter().map(|(name, words)| (*name, *words));
    let others = distinct(results.lines.iter().map(|l| l.workload.as_str()));
    let others = others.into_iter().filter(|name| WORKLOADS.iter().all(|(known, _)| known != name));
    let mut text = String::new();
    for (name, words) in known.chain(others.map(|name| (name, ""))) {
        let lines: Vec<_> = results.lines.iter().filter(|l| l.workload == name).collect();
        if lines.is_empty() {
            continue;
        }
        text += &format!("\n### {name}\n");
        if !words.is_empty() {
            text += &format!("\n{words}\n");
        }
        let own = |of: fn(&Line) -> Option<String>| lines.iter().copied().find_map(of);
        let on = [
            own(|line| line.date.clone()),
            own(|line| line.machine.as_ref().map(ToString::to_string)),
            own(|line| line.kernel.clone()),
        ];
        let on = on.into_iter().flatten().collect::<Vec<_>>().join(", ");
        if !on.is_empty() {
            text += &format!("\nMeasured on {on}.\n");
        }
        for placement in distinct(lines.iter().map(|l| l.placement.as_str())) {
            let here: Vec<_> = lines.iter().filter(|l| l.placement == placement).copied().collect();
            text += &format!("\n{}", table(placement, &here));
        }
    }
    text
}

fn table(placement: &str, lines: &[&Line]) -> String {
    let find = |subject: &str, metric: &Metric| {
        lines.iter().find(|l| l.subject == subject && l.metric == metric.name).copied()
    };
    let subjects = distinct(lines.iter().map(|l| l.subject.as_str()));
    let metrics: Vec<_> = METRICS.iter().filter(|m| lines.iter().any(|l| l.metric == m.name)).collect();
    let base = subjects.iter().find(|s| **s == "pgrepo").or(subjects.iter().find(|s| s.starts_with("pgrepo")));
    let mut text = format!("| {placement} |");
    for metric in &metrics {
        text += &format!(" {} |", metric.heading());
    }
    text += &format!("\n|---|{}\n", "---:|".repeat(metrics.len()));
    for subject in &subjects {
        text += &format!("| {subject} |");
        for metric in &metrics {
            let cell = find(subject, metric).map(|line| {
                let beside = base.filter(|b| *b != subject).and_then(|b| find(b, metric));
                let times = beside.map(|b| line.median / b.median).filter(|r| r.is_finite() && *r >= 0.0);
                format!("{}{}", figures(line), times.map(|r| format!(", {} ×", ratio(r))).unwrap_or_default())
            });
            text += &format!(" {} |", cell.as_deref().unwrap_or("–"));
        }
        text.push('\n');
    }
    text
}

/// Median, and where there were several rounds, the range.
fn figures(line: &Line) -> String {
    match line.rounds {
        1 => number(line.median),
        _ => format!("{} ({}–{})", number(line.median), number(line.min), number(line.max)),
    }
}

/// Each once, in the order of the first.
pub(crate) fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}
