//! The document.

use super::charts::CHARTS;
use super::{COMMAND, PICTURES, RESULTS, Results, charts, claims, crossover, goals, reasons, tables};

const HOW: &str = "\
## How to repeat it

```sh
cargo bench --manifest-path tests/peers/Cargo.toml
```

It brings up a PostgreSQL server of its own and runs each subject of each workload in a process of its own. All subjects
of a workload run one after the other, then all again, so that each meets the same drift of the machine. With
`-- --quick` it shows in a few minutes that all works, not how fast it is; with `-- --only NAME` it runs the workloads
whose names start so, and with `-- --only NAME --merge` it puts their figures in the place of the old ones.

";

const READING: &str = "
## How to read it

- Figures are medians of the rounds, with the smallest and the largest in brackets: `median (min–max)`. A figure without
  brackets was measured once.
- In the workloads' tables `×` is a subject's median divided by that of `pgrepo`. For times and memory, more than 1 means
  that pgrepo needs less; for operations a second, less than 1 means that pgrepo does more.
- Compare figures of one table only. They differ from machine to machine, and the ratios much less.
- Client CPU and memory are those of the client's process alone. *Added memory* is the peak during the measured part,
  less what was resident before.
- Where client and server run matters, since waking another processor costs several times what the protocol does. *One
  processor*: both share the first one. *Two processors*: the server's sessions on the first, the client on the second.
  *Free*: wherever the system puts them.
- A *wide* row has ten columns, with a UUID, a timestamp, an array of texts and a JSON document among them, in all about
  280 bytes in binary COPY. A *narrow* row has two texts and a number.
- `hand-written` and `raw socket` are code for exactly these rows, with bytes sent and read by hand; `psql` and `pgbench`
  are PostgreSQL's own programs. They are floors, and not libraries.
";

const GOALS: &str = "
## Goals

The ratio is pgrepo's figure divided by the other's; where the goal is so many times faster, it is the other way round.
A goal that waits for something is listed with what is missing. That encoding allocates nothing is no figure: a test
shows it, `cargo test -p tests --test alloc`.

";

const CLAIMS: &str = "
## Beside a Python connector's document

The document of a Python connector, which wraps asyncpg, has a table of its own without a machine or a method. This is
what was measured here for each of its lines.

";

/// The whole document.
pub(crate) fn document(results: &Results) -> String {
    let pictures = charts::all(results);
    let picture = |file: &str, title: &str| match pictures.contains_key(file) {
        true => format!("\n![{title}]({PICTURES}/{file}.svg)\n"),
        false => String::new(),
    };
    let mut text =
        format!("<!-- Made from {RESULTS} by: {COMMAND} -->\n# pgrepo beside its peers\n\n{HOW}{}", ran_on(results));
    text += READING;
    text += &format!("{GOALS}{}{}", goals::table(results), reasons::list(results));
    let shown: String = CHARTS.iter().map(|chart| picture(chart.file, chart.title)).collect();
    if !shown.is_empty() {
        text +=
            &format!("\n## Pictures\n\nBlue is pgrepo, grey a floor. A thin line is the range of the rounds.\n{shown}");
    }
    text += &format!("\n## When COPY is faster than arrays\n\n{}", crossover::section(results));
    text += &picture(crossover::FILE, "COPY and UNNEST by the number of rows");
    text += &format!("{CLAIMS}{}", claims::table(results));
    text += &format!("\n## All workloads\n{}", tables::all(results));
    text
}

/// The machine and the versions.
fn ran_on(results: &Results) -> String {
    let run = &results.run;
    let list = |of: &std::collections::BTreeMap<String, String>, between: &str| {
        of.iter().map(|(name, value)| format!("{name}{between}{value}")).collect::<Vec<_>>().join(", ")
    };
    let mut text = String::from("## What it ran on\n\n");
    if run.quick {
        text += "**This was a quick run**: few rows and one round. It shows that all works, not how fast it is; its \
                 verdicts are of no weight. Where the text says 1,000,000 rows it had 50,000, for 2,000,000 it had \
                 200,000, and for 50,000 it had 5,000.\n\n";
    }
    let said = |any: bool, words| if any { words } else { "" };
    let later = said(
        results.lines.iter().any(|line| line.date.is_some()),
        "; a workload that was measured on another day says so",
    );
    let other = said(results.lines.iter().any(|line| line.machine.is_some()), "; a workload on another says so");
    let elsewhere = said(results.lines.iter().any(|line| line.kernel.is_some()), "; a workload on another says so");
    text += &format!(
        "| | |\n|---|---|\n| date | {}{later} |\n| machine | {}{other} |\n| kernel | {}{elsewhere} |\n\
         | server | PostgreSQL {}, a private one on the same machine |\n| its settings | {} |\n| compiler | {} |\n\
         | versions | {} |\n",
        run.date,
        run.machine,
        run.kernel,
        run.server,
        list(&run.settings, " = "),
        run.rustc,
        list(&run.versions, " "),
    );
    if !run.versions.contains_key("Python") {
        text += "\nPython's libraries were left out: there was no Python to install them into.\n";
    }
    text
}
