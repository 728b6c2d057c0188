//! The benchmark's results: one JSON object a line, from which the tables and the pictures are made.
//!
//! `pgrepo/docs/benchmarks.jsonl` holds what a run measured. Everything else below `pgrepo/docs` that has to do with
//! the benchmark, a picture of the guide too, is made from it by `cargo run -p tests --bin benchmark-report`, without a server and without a peer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod charts;
mod claims;
mod crossover;
mod goal_list;
mod goals;
mod markdown;
mod number;
mod reasons;
mod svg;
mod tables;
#[cfg(test)]
mod tests;
mod throughput;
mod workloads;

/// What makes the documents anew from the file of results.
pub const COMMAND: &str = "cargo run -p tests --bin benchmark-report";

/// The name of the file of results, in the folder of the documents.
pub const RESULTS: &str = "benchmarks.jsonl";

/// The folder of the pictures, in the folder of the documents.
const PICTURES: &str = "benchmarks";

/// What one metric of one subject came to, over all rounds of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The workload's name.
    pub workload: String,
    /// Who did it.
    pub subject: String,
    /// Where client and server ran: `free`, `one processor`, `two processors`.
    pub placement: String,
    /// What was read, with its unit as the last part.
    pub metric: String,
    /// The middle one of the rounds.
    pub median: f64,
    /// The smallest one.
    pub min: f64,
    /// The largest one.
    pub max: f64,
    /// How many there were.
    pub rounds: usize,
    /// The day, where it is another than the run's: the line was put among its lines later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The system's kernel, where it is another than the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The machine, where it is another than the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
}

/// The machine of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// How many processors the run could use.
    pub processors: usize,
    /// The memory, in GiB, rounded.
    pub memory_gib: u64,
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} processors, {} GiB", self.cpu, self.processors, self.memory_gib)
    }
}

/// What a run ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The day, as `2026-01-31`.
    pub date: String,
    /// The machine.
    pub machine: Machine,
    /// The system's kernel.
    pub kernel: String,
    /// The version of PostgreSQL.
    pub server: String,
    /// What differs from the server's defaults or is worth a mention.
    pub settings: BTreeMap<String, String>,
    /// The compiler.
    pub rustc: String,
    /// The versions of pgrepo and of those beside it.
    pub versions: BTreeMap<String, String>,
    /// Few rows and one round: shows that all works, not how fast it is.
    pub quick: bool,
}

impl Run {
    /// Why a later run's lines must not stand beside this one's: all that differs. `None` if they may.
    ///
    /// The version of pgrepo may differ: it is what changes from run to run. So may the machine and its kernel: all lines
    /// of a workload are of one run, and say what it ran on. The number of processors may not.
    pub fn differs(&self, later: &Self) -> Option<String> {
        let (before, now) = (self.facts(), later.facts());
        let names: BTreeSet<_> = before.keys().chain(now.keys()).collect();
        let value = |facts: &BTreeMap<String, String>, name| facts.get(name).map_or("none", String::as_str).to_owned();
        let differences = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
        let differences: Vec<_> = differences
            .map(|name| format!("{name}: {} before, {} now", value(&before, name), value(&now, name)))
            .collect();
        (!differences.is_empty()).then(|| differences.join("; "))
    }

    /// What figures depend on beside pgrepo, by its name.
    fn facts(&self) -> BTreeMap<String, String> {
        let own = [
            ("processors", self.machine.processors.to_string()),
            ("server", self.server.clone()),
            ("compiler", self.rustc.clone()),
            ("quick run", if self.quick { "yes" } else { "no" }.to_owned()),
        ];
        let settings = self.settings.iter().map(|(name, value)| (format!("setting {name}"), value.clone()));
        let peers = self.versions.iter().filter(|(name, _)| *name != "pgrepo");
        let peers = peers.map(|(name, version)| (format!("version of {name}"), version.clone()));
        own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(settings).chain(peers).collect()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    run: Run,
}

/// A run, and what it measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// What it ran on.
    pub run: Run,
    /// What it measured, in the order of the run.
    pub lines: Vec<Line>,
}

impl Results {
    /// Reads a file of results.
    ///
    /// # Errors
    ///
    /// A line that is none of results', by its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all = text.lines().enumerate();
        let at = |n: usize, error: serde_json::Error| format!("line {} of the results: {error}", n + 1);
        let (n, first) = all.next().ok_or("the file of results is empty")?;
        let header: Header = serde_json::from_str(first).map_err(|e| at(n, e))?;
        let lines = all.map(|(n, line)| serde_json::from_str(line).map_err(|e| at(n, e))).collect::<Result<_, _>>()?;
        Ok(Self { run: header.run, lines })
    }

    /// Writes a file of results.
    ///
    /// # Errors
    ///
    /// None in practice: all of it can be written as JSON.
    pub fn print(&self) -> Result<String, String> {
        let mut text = serde_json::to_string(&Header { run: self.run.clone() }).map_err(|e| e.to_string())? + "\n";
        for line in &self.lines {
            text += &serde_json::to_string(line).map_err(|e| e.to_string())?;
            text.push('\n');
        }
        Ok(text)
    }

    /// Puts a later run's lines in the place of those of the same workloads, with the later day, kernel and machine.
    pub fn merge(&mut self, later: Self) {
        let date = Some(later.run.date).filter(|date| *date != self.run.date);
        let kernel = Some(later.run.kernel).filter(|kernel| *kernel != self.run.kernel);
        let machine = Some(later.run.machine).filter(|machine| *machine != self.run.machine);
        self.lines.retain(|line| later.lines.iter().all(|l| l.workload != line.workload));
        let placed = |line| Line { date: date.clone(), kernel: kernel.clone(), machine: machine.clone(), ..line };
        self.lines.extend(later.lines.into_iter().map(placed));
    }

    /// The goals and what became of them, as a table.
    pub fn summary(&self) -> String {
        goals::table(self)
    }

    /// The documents, by their path in the folder of the documents.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<_, _> =
            charts::all(self).into_iter().map(|(name, svg)| (format!("{PICTURES}/{name}.svg"), svg)).collect();
        files.insert("benchmarks.md".to_owned(), markdown::document(self));
        files.extend(throughput::picture(self).map(|svg| (throughput::FILE.to_owned(), svg)));
        files
    }

    /// Writes the file of results and the documents, and removes the pictures that are no longer made.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn write(&self, folder: &Path) -> Result<(), String> {
        let pictures = folder.join(PICTURES);
        std::fs::create_dir_all(&pictures).map_err(|e| format!("{}: {e}", pictures.display()))?;
        let mut files = self.files();
        for name in self::pictures(folder)?.into_iter().filter(|name| !files.contains_key(name)) {
            std::fs::remove_file(folder.join(&name)).map_err(|e| format!("{name}: {e}"))?;
        }
        files.insert(RESULTS.to_owned(), self.print()?);
        for (name, text) in files {
            std::fs::write(folder.join(&name), text).map_err(|e| format!("{name}: {e}"))?;
        }
        Ok(())
    }

    /// The line of a metric of a subject; in any placement, if none is named.
    fn line(&self, workload: &str, placement: &str, subject: &str, metric: &str) -> Option<&Line> {
        self.lines.iter().find(|l| {
            l.workload == workload
                && (placement.is_empty() || l.placement == placement)
                && l.subject == subject
                && l.metric == metric
        })
    }

    fn median(&self, workload: &str, placement: &str, subject: &str, metric: &str) -> Option<f64> {
        self.line(workload, placement, subject, metric).map(|line| line.median)
    }
}

/// The folder of the documents in this repository.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pgrepo/docs")
}

/// What lies in the folder of the pictures, by its path in the folder of the documents.
fn pictures(folder: &Path) -> Result<Vec<String>, String> {
    let path = folder.join(PICTURES);
    let Ok(entries) = std::fs::read_dir(&path) else { return Ok(Vec::new()) };
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.map(|e| format!("{PICTURES}/{}", e.file_name().to_string_lossy())).map_err(|e| e.to_string())
    };
    entries.map(name).collect()
}
