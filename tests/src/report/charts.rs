//! Which pictures there are.

use std::collections::BTreeMap;

use super::number::metric;
use super::svg::{Bar, bars};
use super::tables::distinct;
use super::{Results, crossover};

/// A picture of one metric: a group of bars for each workload and placement.
pub(crate) struct Chart {
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    metric: &'static str,
    /// The workload, the placement, and what stands above the bars.
    groups: &'static [(&'static str, &'static str, &'static str)],
}

/// All pictures of bars.
pub(crate) const CHARTS: &[Chart] = &[
    Chart {
        file: "codec",
        title: "Encoding and decoding one row",
        metric: "ns_per_row",
        groups: &[
            ("encode-wide", "one processor", "encode a wide row"),
            ("encode-narrow", "one processor", "encode a narrow row"),
            ("decode-copy", "one processor", "decode a wide row of COPY"),
            ("decode-query", "one processor", "decode a wide row of a query"),
        ],
    },
    Chart {
        file: "copy-cpu",
        title: "COPY of 1,000,000 wide rows: the client's CPU",
        metric: "cpu_s",
        groups: &[
            ("copy-null", "two processors", "nothing is stored"),
            ("copy-unlogged", "two processors", "unlogged table"),
            ("copy-logged", "two processors", "logged table"),
        ],
    },
    Chart {
        file: "copy-wall",
        title: "COPY of 1,000,000 wide rows: wall time",
        metric: "wall_s",
        groups: &[
            ("copy-unlogged", "two processors", "unlogged table"),
            ("copy-logged", "two processors", "logged table"),
            ("copy-logged-socket", "two processors", "logged table, unix socket"),
            ("copy-parallel", "free", "logged table, several connections"),
        ],
    },
    Chart {
        file: "read-cpu",
        title: "Reading 1,000,000 wide rows into structs: the client's CPU",
        metric: "cpu_s",
        groups: &[("read", "two processors", "one connection")],
    },
    Chart {
        file: "point-query",
        title: "A row by its key, on one connection",
        metric: "ops_per_s",
        groups: &[
            ("point-query", "one processor", "client and server on one processor"),
            ("point-query", "two processors", "each on a processor of its own"),
        ],
    },
    Chart {
        file: "pool",
        title: "A row by its key, by 50 tasks over a pool",
        metric: "ops_per_s",
        groups: &[
            ("pool-20", "free", "20 connections, both processors"),
            ("pool-20", "one processor", "20 connections, one processor"),
            ("pool-50", "free", "50 connections, both processors"),
            ("pool-50", "one processor", "50 connections, one processor"),
        ],
    },
];

/// All pictures by their name; those of which nothing was measured are left out.
pub(crate) fn all(results: &Results) -> BTreeMap<&'static str, String> {
    let bars = CHARTS.iter().filter_map(|chart| Some((chart.file, draw(chart, results)?)));
    bars.chain(crossover::picture(results).map(|svg| (crossover::FILE, svg))).collect()
}

fn draw(chart: &Chart, results: &Results) -> Option<String> {
    let group = |&(workload, placement, heading): &(&str, &str, &'static str)| {
        let here = || results.lines.iter().filter(|l| l.workload == workload && l.placement == placement);
        let names = distinct(here().filter(|l| l.metric == chart.metric).map(|l| l.subject.as_str()));
        let lines = names.into_iter().filter_map(|name| results.line(workload, placement, name, chart.metric));
        let bars: Vec<_> = lines.map(|l| Bar { label: &l.subject, value: l.median, min: l.min, max: l.max }).collect();
        (!bars.is_empty()).then_some((heading, bars))
    };
    let groups: Vec<_> = chart.groups.iter().filter_map(group).collect();
    let metric = metric(chart.metric)?;
    let better = if metric.more_is_better { "longer" } else { "shorter" };
    let note = format!("{}; {better} is better.", metric.heading());
    (!groups.is_empty()).then(|| bars(chart.title, &note, &groups))
}
