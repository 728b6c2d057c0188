//! How numbers and metrics are written.

/// A metric's name in words, its unit, and whether more of it is better.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) words: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) more_is_better: bool,
}

impl Metric {
    /// Its name with its unit.
    pub(crate) fn heading(&self) -> String {
        if self.unit.is_empty() { self.words.to_owned() } else { format!("{}, {}", self.words, self.unit) }
    }
}

const fn less(name: &'static str, words: &'static str, unit: &'static str) -> Metric {
    Metric { name, words, unit, more_is_better: false }
}

/// All metrics, in the order of the tables' columns.
pub(crate) const METRICS: &[Metric] = &[
    less("wall_s", "wall", "s"),
    less("cpu_s", "client CPU", "s"),
    less("added_rss_kib", "added memory", "KiB"),
    Metric { name: "ops_per_s", words: "operations a second", unit: "", more_is_better: true },
    less("p50_us", "p50", "µs"),
    less("p99_us", "p99", "µs"),
    less("over_40_ms", "over 40 ms", "operations"),
    less("ns_per_row", "time a row", "ns"),
    less("instructions", "the client's instructions of an operation", ""),
    less("next_ms", "next user waits", "ms"),
    less("expansion_kib", "expanded code", "KiB"),
    less("added_check_s", "CPU added to a check", "s"),
    less("added_build_s", "CPU added to a debug build", "s"),
    less("build_s", "build", "s"),
    less("dependencies", "dependencies", "crates"),
];

/// The metric of that name.
pub(crate) fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|m| m.name == name)
}

/// A number with its thousands set apart and three digits that say something.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 99.95 => thousands(&format!("{value:.0}")),
        _ if size >= 9.995 => trim(format!("{value:.1}")),
        _ if size >= 0.9995 || size == 0.0 => trim(format!("{value:.2}")),
        _ => format!("{value:.3}"),
    }
}

/// A ratio.
pub(crate) fn ratio(value: f64) -> String {
    if value >= 9.995 { number(value) } else { format!("{value:.2}") }
}

fn trim(text: String) -> String {
    text.strip_suffix(".00").or(text.strip_suffix(".0")).map(str::to_owned).unwrap_or(text)
}

fn thousands(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = String::from(sign);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
