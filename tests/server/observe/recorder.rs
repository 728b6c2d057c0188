//! A recorder that keeps every figure, by its name and its labels.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

#[derive(Debug, Default)]
struct Kept {
    figures: BTreeMap<String, f64>,
    /// How often something was recorded.
    times: BTreeMap<String, u64>,
    described: Vec<String>,
}

/// Keeps what it is told; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(Arc<Mutex<Kept>>);

struct Figure {
    all: Figures,
    name: String,
}

impl Figures {
    /// The sum of the figures of a name with these labels, whatever others they have.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        sum(&self.0.lock().unwrap().figures, name, labels)
    }

    /// The same, of how often something was recorded.
    pub(crate) fn times(&self, name: &str, labels: &[&str]) -> u64 {
        sum(&self.0.lock().unwrap().times, name, labels)
    }

    /// Everything by its name, as text.
    pub(crate) fn text(&self) -> String {
        format!("{:#?}", self.0.lock().unwrap())
    }

    pub(crate) fn is_described(&self, name: &str) -> bool {
        self.0.lock().unwrap().described.iter().any(|described| described == name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.0.lock().unwrap().figures.keys().map(|key| key.split('{').next().unwrap().to_owned()).collect();
        names.dedup();
        names
    }

    fn figure(&self, key: &Key) -> Arc<Figure> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::new(Figure { all: self.clone(), name })
    }
}

fn sum<N: Copy + std::iter::Sum<N>>(figures: &BTreeMap<String, N>, name: &str, labels: &[&str]) -> N {
    let of = |key: &str| {
        let (found, rest) = key.trim_end_matches('}').split_once('{').unwrap();
        found == name && labels.iter().all(|label| rest.split(',').any(|one| one == *label))
    };
    figures.iter().filter(|(key, _)| of(key)).map(|(_, number)| *number).sum()
}

impl Figure {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        let mut kept = self.all.0.lock().unwrap();
        change(kept.figures.entry(self.name.clone()).or_default());
        *kept.times.entry(self.name.clone()).or_default() += 1;
    }
}

impl CounterFn for Figure {
    fn increment(&self, value: u64) {
        self.change(|figure| *figure += value as f64);
    }

    fn absolute(&self, value: u64) {
        self.change(|figure| *figure = value as f64);
    }
}

impl GaugeFn for Figure {
    fn increment(&self, value: f64) {
        self.change(|figure| *figure += value);
    }

    fn decrement(&self, value: f64) {
        self.change(|figure| *figure -= value);
    }

    fn set(&self, value: f64) {
        self.change(|figure| *figure = value);
    }
}

impl HistogramFn for Figure {
    fn record(&self, value: f64) {
        self.change(|figure| *figure += value);
    }
}

impl Recorder for Figures {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.0.lock().unwrap().described.push(key.as_str().to_owned());
    }

    fn describe_gauge(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.0.lock().unwrap().described.push(key.as_str().to_owned());
    }

    fn describe_histogram(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.0.lock().unwrap().described.push(key.as_str().to_owned());
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.figure(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.figure(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.figure(key))
    }
}
