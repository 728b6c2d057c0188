#![allow(clippy::unwrap_used, reason = "a test's failure is its message")]

use super::goal_list::GOALS;
use super::goals::{Bound, Goal, Verdict};
use super::number::{METRICS, metric, number};
use super::workloads::WORKLOADS;
use super::*;

fn run() -> Run {
    Run {
        date: "2026-01-31".into(),
        machine: Machine { cpu: "a processor".into(), processors: 2, memory_gib: 8 },
        kernel: "Linux 6".into(),
        server: "17.1".into(),
        settings: BTreeMap::from([("fsync".into(), "on".into())]),
        rustc: "rustc 1.95.0".into(),
        versions: BTreeMap::from([("pgrepo".into(), "0.1.0".into())]),
        quick: false,
    }
}

fn line(workload: &str, subject: &str, metric: &str, median: f64) -> Line {
    let (workload, subject, metric) = (workload.into(), subject.into(), metric.into());
    Line {
        workload,
        subject,
        placement: "free".into(),
        metric,
        median,
        min: median,
        max: median,
        rounds: 5,
        date: None,
        kernel: None,
        machine: None,
    }
}

fn verdict(metric: &'static str, bound: Bound, ours: f64, theirs: &[f64]) -> Verdict {
    let names = ["a", "b"];
    let mut lines = vec![line("w", "pgrepo", metric, ours)];
    lines.extend(names.iter().zip(theirs).map(|(name, value)| line("w", name, metric, *value)));
    let goal = Goal { workload: "w", placement: "", metric, ours: "pgrepo", theirs: &["a", "b"], bound, missing: None };
    goal.outcome(&Results { run: run(), lines }).verdict
}

fn text(metric: &'static str, bound: Bound, ours: f64, theirs: &[f64]) -> String {
    verdict(metric, bound, ours, theirs).to_string()
}

#[test]
fn a_goal_is_reached_or_missed_by_so_much() {
    assert_eq!(text("cpu_s", Bound::AtMost(0.5), 1.0, &[2.0]), "reached");
    assert_eq!(text("cpu_s", Bound::AtMost(0.5), 1.07, &[2.0]), "missed by 7 %");
    assert_eq!(text("cpu_s", Bound::AtMost(0.5), 1.001, &[2.0]), "missed by less than 1 %");
    assert_eq!(text("ops_per_s", Bound::AtLeast(1.1), 110.1, &[100.0]), "reached");
    assert_eq!(text("ops_per_s", Bound::AtLeast(1.0), 93.0, &[100.0]), "missed by 7 %");
    assert_eq!(text("wall_s", Bound::Faster(1.6), 1.0, &[1.7]), "reached");
    assert_eq!(text("wall_s", Bound::Faster(2.0), 1.0, &[1.5]), "missed by 25 %");
    assert_eq!(text("next_ms", Bound::Limit(100.0), 100.0, &[]), "reached");
    assert_eq!(text("next_ms", Bound::Limit(100.0), 150.0, &[]), "missed by 50 %");
    assert_eq!(text("next_ms", Bound::Limit(100.0), 1500.0, &[]), "missed 14 times over");
    assert_eq!(text("over_40_ms", Bound::Never, 0.0, &[]), "reached");
    assert_eq!(text("over_40_ms", Bound::Never, 1.0, &[]), "missed by 100 %");
}

#[test]
fn the_best_of_the_others_counts() {
    assert_eq!(text("wall_s", Bound::AtMost(1.0), 1.5, &[1.0, 2.0]), "missed by 50 %");
    assert_eq!(text("ops_per_s", Bound::AtLeast(1.0), 1.5, &[1.0, 2.0]), "missed by 25 %");
}

#[test]
fn a_goal_without_its_figures_is_not_measured() {
    assert_eq!(verdict("cpu_s", Bound::AtMost(1.0), 1.0, &[]), Verdict::NotMeasured);
    assert_eq!(verdict("cpu_s", Bound::AtMost(1.0), 1.0, &[0.0]), Verdict::NotMeasured);
    let nothing = Results { run: run(), lines: Vec::new() };
    for goal in GOALS {
        let expected = goal.missing.map_or(Verdict::NotMeasured, Verdict::NotThereYet);
        assert_eq!(goal.outcome(&nothing).verdict, expected);
    }
    let text = nothing.summary();
    assert!(text.contains("0 are reached, 0 are missed"), "{text}");
    assert!(text.contains("not there yet: many tasks' inserts"), "{text}");
}

#[test]
fn what_was_not_there_is_judged_once_it_is_measured() {
    let goal = GOALS.iter().find(|g| g.workload == "writer").unwrap();
    let mut lines =
        vec![line("writer", goal.ours, goal.metric, 300.0), line("writer", goal.theirs[0], goal.metric, 100.0)];
    let verdict = |lines: &[Line]| goal.outcome(&Results { run: run(), lines: lines.to_vec() }).verdict;
    assert_eq!(verdict(&lines), Verdict::Reached);
    lines[0].median = 270.0;
    assert_eq!(verdict(&lines).to_string(), "missed by 10 %");
}

#[test]
fn goals_name_what_is_known_and_go_the_right_way() {
    for goal in GOALS {
        let metric = metric(goal.metric).unwrap();
        assert_eq!(metric.more_is_better, matches!(goal.bound, Bound::AtLeast(_)), "{goal:?}");
        assert_eq!(goal.theirs.is_empty(), matches!(goal.bound, Bound::Limit(_) | Bound::Never), "{goal:?}");
        assert!(WORKLOADS.iter().any(|(name, _)| *name == goal.workload), "{goal:?}");
    }
    assert_eq!(METRICS.iter().filter(|m| m.more_is_better).count(), 1);
}

#[test]
fn results_are_read_as_they_were_written() {
    let mut results = Results { run: run(), lines: vec![line("w", "a", "wall_s", 0.1), line("v", "a", "wall_s", 0.2)] };
    assert_eq!(Results::parse(&results.print().unwrap()).unwrap(), results);
    assert!(Results::parse("").unwrap_err().contains("empty"));
    assert!(Results::parse("{}").unwrap_err().starts_with("line 1"));
    assert!(Results::parse(&(results.print().unwrap() + "nothing")).unwrap_err().starts_with("line 4"));
    let later = Results { run: run(), lines: vec![line("w", "b", "wall_s", 0.3)] };
    assert_eq!(results.run.differs(&later.run), None);
    results.merge(later);
    assert_eq!(results.lines, [line("v", "a", "wall_s", 0.2), line("w", "b", "wall_s", 0.3)]);
    let mut other = run();
    other.versions.insert("pgrepo".into(), "0.2.0".into());
    assert_eq!(run().differs(&other), None);
    other.machine.cpu = "another".into();
    assert_eq!(run().differs(&other), None);
    other.machine.processors = 4;
    assert_eq!(run().differs(&other).unwrap(), "processors: 2 before, 4 now");
}

#[test]
fn a_run_that_cannot_be_merged_says_all_that_differs() {
    let mut other = run();
    other.kernel = "Linux 6-v2".into();
    assert_eq!(run().differs(&other), None);
    other.rustc = "rustc 2".into();
    other.versions.insert("asyncpg".into(), "0.32.0".into());
    other.settings.insert("fsync".into(), "off".into());
    assert_eq!(
        run().differs(&other).unwrap(),
        "compiler: rustc 1.95.0 before, rustc 2 now; setting fsync: on before, off now; \
         version of asyncpg: none before, 0.32.0 now"
    );
}

#[test]
fn merged_figures_have_their_own_date() {
    let lines = |value| vec![line("w", "pgrepo", "wall_s", value)];
    let mut results = Results { run: run(), lines: [lines(0.1), vec![line("v", "a", "wall_s", 0.2)]].concat() };
    let text = results.print().unwrap();
    assert!(!text.contains("\"date\":null") && !results.files()["benchmarks.md"].contains("another day"), "{text}");
    // On the same day nothing is said.
    results.merge(Results { run: run(), lines: lines(0.3) });
    assert!(results.lines.iter().all(|line| line.date.is_none()));
    let machine = Machine { cpu: "another".into(), ..run().machine };
    let later = Run { date: "2026-02-03".into(), kernel: "Linux 7".into(), machine, ..run() };
    results.merge(Results { run: later, lines: lines(0.4) });
    assert_eq!(Results::parse(&results.print().unwrap()).unwrap(), results);
    assert_eq!(results.run, run());
    let document = results.files().remove("benchmarks.md").unwrap();
    assert!(
        document.contains("| date | 2026-01-31; a workload that was measured on another day says so |"),
        "{document}"
    );
    assert!(
        document.contains("### w\n\nMeasured on 2026-02-03, another, 2 processors, 8 GiB, Linux 7.\n\n| free |"),
        "{document}"
    );
    assert_eq!(document.matches("Measured on").count(), 1);
}

#[test]
fn numbers_can_be_read() {
    for (value, text) in [
        (0.0, "0"),
        (0.0214, "0.021"),
        (1.0, "1"),
        (1.346, "1.35"),
        (99.96, "100"),
        (1234.5, "1,234"),
        (-12.0, "-12"),
        (12.34, "12.3"),
    ] {
        assert_eq!(number(value), text);
    }
    assert_eq!(number(1_234_567.0), "1,234,567");
}

#[test]
fn pictures_are_made_of_what_was_measured() {
    let placed = |placement: &str, line: Line| Line { placement: placement.into(), ..line };
    let lines = vec![
        placed("two processors", line("read", "pgrepo", "cpu_s", 0.5)),
        placed("one processor", line("insert-1", "pgrepo, COPY", "p50_us", 200.0)),
        placed("one processor", line("insert-10", "pgrepo, COPY", "p50_us", 210.0)),
    ];
    let files = Results { run: run(), lines }.files();
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["benchmarks.md", "benchmarks/crossover.svg", "benchmarks/read-cpu.svg"]
    );
    assert!(files.values().all(|text| !text.contains("NaN") && !text.contains("inf\"")));
}

/// The committed documents are those of the committed results.
#[test]
fn the_documents_are_made_from_the_results() {
    let folder = folder();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let files = Results::parse(&read(RESULTS)).unwrap().files();
    for (name, text) in &files {
        assert!(read(name) == *text, "pgrepo/docs/{name} is not what {RESULTS} says; renew it: {COMMAND}");
        assert!(!text.contains(reasons::UNKNOWN), "a goal is missed without a reason in tests/src/report/reasons.rs");
    }
    for name in pictures(&folder).unwrap() {
        assert!(files.contains_key(&name), "pgrepo/docs/{name} is not made from {RESULTS}; renew all: {COMMAND}");
    }
}

/// Markdown takes a picture for HTML only so.
#[test]
fn pictures_of_the_guide_can_stand_within_its_pages() {
    let folder = folder().join("guide");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "svg") {
            let text = std::fs::read_to_string(&path).unwrap();
            let first = text.lines().next().unwrap();
            assert!(first.starts_with("<svg ") && first.ends_with('>'), "{}: {first}", path.display());
            assert!(text.lines().all(|line| !line.trim().is_empty()), "{} has an empty line", path.display());
            assert!(text.contains("currentColor") && !text.contains("#ffffff"), "{} is for one theme", path.display());
            count += 1;
        }
    }
    assert!(count >= 3, "{count} pictures");
}

/// The guide's figures, which stand in backquotes, are those of the committed results.
#[test]
fn the_guide_s_figures_are_those_of_the_report() {
    let report = std::fs::read_to_string(folder().join("benchmarks.md")).unwrap();
    let pages = crate::guide::pages().unwrap();
    let quoted = pages.iter().flat_map(|page| crate::guide::quoted(&page.text));
    let is_figure = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && [",", "×", "/s", " ms", "MiB"].iter().any(|unit| text.contains(unit))
    };
    let figures: BTreeSet<&str> = quoted.filter(|text| is_figure(text)).collect();
    assert!(figures.len() >= 20, "the guide has figures: {figures:?}");
    let missing: Vec<_> = figures.iter().filter(|figure| !report.contains(**figure)).collect();
    assert!(missing.is_empty(), "benchmarks.md has no such figures: {missing:#?}");
}
