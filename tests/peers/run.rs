//! Runs the workloads: a process for each subject and round, in turn.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use pgrepo::Db;
use pgrepo::testkit::Server;
use tests::report::Line;

use crate::header;
use crate::meter::line;
use crate::output::Output;
use crate::place::Placement;
use crate::plan::{CHECKED, SECONDS, STORED_ROWS, Size, Subject, WORKLOADS, Workload};
use crate::python::Python;
use crate::tables::{self, KEYED, LOGGED, MERGED, NOTHING, STORED, UNLOGGED};
use crate::task::{Metrics, Result, Task};

/// The command line's.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) only: Vec<String>,
    pub(crate) merge: bool,
    pub(crate) check: bool,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        !self.check && self.only.is_empty() || self.only.iter().any(|start| name.starts_with(start.as_str()))
    }

    fn size(&self, size: Size) -> u32 {
        if self.quick { size.quick } else { size.full }
    }
}

/// Runs what the options ask for.
pub(crate) async fn all(options: Options) -> Result<()> {
    let named = !options.only.is_empty();
    let wanted: Vec<_> =
        WORKLOADS.iter().filter(|w| options.wants(w.name) && (named || !(w.long && options.quick))).collect();
    // They take minutes: a quick run leaves them out unless they are named.
    let asked = |name| options.wants(name) && (named || !options.quick);
    let builds = ["build-cost", "library-build"].into_iter().any(asked);
    let observed = asked(crate::observed::NAME);
    if wanted.is_empty() && !builds && !observed && !options.check {
        return Err(format!("no workload's name starts with {}", options.only.join(" or ")).into());
    }
    let python = Python::set_up();
    if options.check && python.is_none() {
        return Err("without Python there is nothing to be checked".into());
    }
    let checked =
        python.is_some() && (options.check || wanted.iter().any(|w| w.subjects.iter().any(|s| s.library.is_python())));
    let databases: Vec<_> = [LOGGED, UNLOGGED, NOTHING, KEYED, STORED, MERGED]
        .into_iter()
        .filter(|d| wanted.iter().any(|w| w.database == Some(d)) || (checked && CHECKED.database == Some(d)))
        .collect();
    let server = tables::server(&databases, options.size(STORED_ROWS)).await?;
    let others = python.as_ref().map(Python::versions).unwrap_or_default();
    let output = Output::new(&options, header::gather(server.version(), others, options.quick)?)?;
    let bench = Bench { options, server, python };
    if checked {
        crate::check::rows(&bench).await?;
    }
    if bench.options.check {
        return Ok(());
    }
    let mut lines = Vec::new();
    let mut failures = Vec::new();
    for workload in wanted {
        for placement in workload.placements {
            // What has been measured is kept, whatever fails behind it.
            if let Err(error) = bench.workload(workload, *placement, &mut lines, &mut failures).await {
                failures.push(format!("{}: {error}", workload.name));
            }
        }
    }
    if observed {
        match crate::observed::run().await {
            Ok(found) => lines.extend(found),
            Err(error) => failures.push(format!("{}: {error}", crate::observed::NAME)),
        }
    }
    if builds {
        match crate::build_cost::run(bench.options.quick) {
            Ok(found) => lines.extend(found),
            Err(error) => failures.push(format!("build-cost: {error}")),
        }
    }
    output.write(lines, failures.is_empty())?;
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures.join("\n").into()),
    }
}

pub(crate) struct Bench {
    options: Options,
    pub(crate) server: Server,
    python: Option<Python>,
}

impl Bench {
    async fn workload(
        &self,
        workload: &Workload,
        placement: Placement,
        lines: &mut Vec<Line>,
        failures: &mut Vec<String>,
    ) -> Result<()> {
        placement.hold(&self.server)?;
        let mut all: Vec<BTreeMap<String, Vec<f64>>> = workload.subjects.iter().map(|_| BTreeMap::new()).collect();
        for round in 0..workload.rounds(self.options.quick) {
            for (subject, metrics) in workload.subjects.iter().zip(&mut all) {
                if subject.library.is_python() && self.python.is_none() {
                    continue;
                }
                self.reset(workload).await?;
                match self.once(workload, placement, subject) {
                    Ok(found) => {
                        eprintln!("{} ({}) {round} {}: {found:?}", workload.name, placement.name(), subject.name);
                        for (metric, value) in found {
                            metrics.entry(metric).or_default().push(value);
                        }
                    }
                    Err(error) => failures.push(format!("{}, {}: {error}", workload.name, subject.name)),
                }
            }
        }
        for (subject, metrics) in workload.subjects.iter().zip(all) {
            let line = |(metric, values)| line(workload.name, subject.name, placement.name(), metric, values);
            lines.extend(metrics.into_iter().map(line));
        }
        Ok(())
    }

    /// Empties the tables that are loaded.
    pub(crate) async fn reset(&self, workload: &Workload) -> Result<()> {
        let Some(database) = workload.database else { return Ok(()) };
        let emptying = tables::emptying(database);
        if !emptying.is_empty() {
            let db = Db::from_url(&self.server.url(database)).await?;
            for statement in emptying {
                pgrepo::query(&db, *statement).execute().await?;
            }
        }
        Ok(())
    }

    pub(crate) fn once(&self, workload: &Workload, placement: Placement, subject: &Subject) -> Result<Metrics> {
        let task = self.task(workload, placement, subject)?;
        let json = serde_json::to_string(&task)?;
        let output = match &self.python {
            Some(python) if subject.library.is_python() => python.child(&json).output()?,
            _ => Command::new(std::env::current_exe()?).args(["--child", &json]).output()?,
        };
        let text = String::from_utf8_lossy(&output.stdout);
        match (output.status.success(), text.lines().last()) {
            (true, Some(line)) => Ok(serde_json::from_str(line)?),
            _ => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
        }
    }

    fn task(&self, workload: &Workload, placement: Placement, subject: &Subject) -> Result<Task> {
        let tcp = self.server.tcp_url("postgres");
        let (user, rest) = tcp.strip_prefix("postgres://").and_then(|t| t.split_once(':')).ok_or("an unknown URL")?;
        let (password, _) = rest.split_once('@').ok_or("a URL without a password")?;
        let folder =
            |path: Option<&Path>| path.map(|p| p.display().to_string()).ok_or("the server is not a private one");
        Ok(Task {
            work: workload.work,
            library: subject.library,
            way: subject.way.to_owned(),
            host: if workload.socket { folder(self.server.socket_dir())? } else { "127.0.0.1".to_owned() },
            port: self.server.port().ok_or("the server is not a private one")?,
            user: user.to_owned(),
            password: password.to_owned(),
            database: workload.database.unwrap_or_default().to_owned(),
            sql: workload.sql.to_owned(),
            rows: self.options.size(workload.rows),
            connections: workload.connections,
            tasks: workload.tasks,
            seconds: SECONDS[usize::from(self.options.quick)],
            processor: placement.client(),
            programs: folder(self.server.bin_dir())?,
        })
    }
}
