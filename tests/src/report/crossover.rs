//! From how many rows on COPY is faster than arrays.

use super::Results;
use super::number::{number, ratio};
use super::svg::{Series, lines};

/// The picture's name.
pub(crate) const FILE: &str = "crossover";

const METRIC: &str = "p50_us";
const COPY: &str = "pgrepo, COPY";
const UNNEST: &str = "pgrepo, UNNEST";

/// What a load costs in a way, by the number of rows.
fn points(results: &Results, subject: &str) -> Vec<(f64, f64)> {
    // A quick run's largest load is a smaller one.
    let last = if results.run.quick { 5_000.0 } else { 50_000.0 };
    let sizes = [("1", 1.0), ("10", 10.0), ("100", 100.0), ("1000", 1e3), ("10000", 1e4), ("50000", last)];
    let point = |(name, rows): (&str, f64)| {
        let time = results.median(&format!("insert-{name}"), "one processor", subject, METRIC)?;
        Some((rows, time)).filter(|(_, time)| *time > 0.0)
    };
    let mut points: Vec<_> = sizes.into_iter().filter_map(point).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// The same numbers of rows in both ways: rows, by COPY, by arrays.
fn both(results: &Results) -> Vec<(f64, f64, f64)> {
    let arrays = points(results, UNNEST);
    let with = |(rows, copy): (f64, f64)| arrays.iter().find(|a| a.0 == rows).map(|a| (rows, copy, a.1));
    points(results, COPY).into_iter().filter_map(with).collect()
}

/// The number of rows from which COPY stays the faster way: the first one measured, and where the lines cross.
fn from(all: &[(f64, f64, f64)]) -> Option<(f64, Option<f64>)> {
    let faster = all.iter().rev().take_while(|(_, copy, arrays)| copy < arrays).count();
    let first = all.len() - faster;
    let (rows, copy, arrays) = *all.get(first)?;
    let crossing = first.checked_sub(1).map(|before| {
        let (rows0, copy0, arrays0) = all[before];
        // Straight lines on logarithmic scales.
        let (gap0, gap) = ((copy0 / arrays0).ln(), (arrays / copy).ln());
        rows0 * (rows / rows0).powf(gap0 / (gap0 + gap))
    });
    Some((rows, crossing))
}

/// The section's text.
pub(crate) fn section(results: &Results) -> String {
    let all = both(results);
    if all.is_empty() {
        return "Not measured.\n".to_owned();
    }
    let mut text = match from(&all) {
        None => "COPY was not the faster way at the largest number of rows that was measured.\n".to_owned(),
        Some((rows, None)) => {
            format!("COPY was the faster way at every number of rows that was measured, from {} on.\n", number(rows))
        }
        Some((rows, Some(crossing))) => format!(
            "COPY is faster than UNNEST from about **{} rows** on, where the two lines cross. {} rows is the first \
             measured number at which it is faster.\n",
            number(crossing.round()),
            number(rows),
        ),
    };
    text += "\n| rows | COPY, µs | UNNEST, µs | UNNEST / COPY |\n|---:|---:|---:|---:|\n";
    for (rows, copy, arrays) in all {
        let times = ratio(arrays / copy);
        text += &format!("| {} | {} | {} | {times} × |\n", number(rows), number(copy), number(arrays));
    }
    text
}

/// The picture, if there is something to show.
pub(crate) fn picture(results: &Results) -> Option<String> {
    let subjects = [COPY, UNNEST, "sqlx, UNNEST"];
    let all: Vec<_> = subjects
        .into_iter()
        .map(|label| Series { label, points: points(results, label) })
        .filter(|s| !s.points.is_empty())
        .collect();
    let note = "One warm connection, one processor, median; lower is better. Both scales are logarithmic.";
    let axes = ["rows in one load", "µs a load"];
    (!all.is_empty()).then(|| lines("Inserting wide rows: COPY and arrays (UNNEST)", note, axes, &all))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its message")]
mod tests {
    use super::from;

    #[test]
    fn the_lines_cross_between_two_measured_numbers() {
        let all = [(1.0, 200.0, 100.0), (100.0, 400.0, 800.0), (1e4, 1e4, 5e4)];
        let (rows, crossing) = from(&all).unwrap();
        assert_eq!(rows, 100.0);
        assert!((crossing.unwrap() - 10.0).abs() < 1e-9);
        assert_eq!(from(&all[1..]), Some((100.0, None)));
        assert_eq!(from(&all[..1]), None);
        // Once faster and later slower again does not count.
        assert_eq!(from(&[(1.0, 1.0, 2.0), (10.0, 3.0, 2.0)]), None);
    }
}
