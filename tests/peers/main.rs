//! pgrepo measured beside its peers: `cargo bench --manifest-path tests/peers/Cargo.toml`.
//!
//! | argument | meaning |
//! |---|---|
//! | `-- --quick` | few rows, one round, and nothing is built for it: shows that all works, not how fast it is |
//! | `-- --only NAME` | the workloads whose names start so, also several times |
//! | `-- --check` | only whether Python's rows are those of the others; the other runs find that out first |
//! | `-- --only NAME --merge` | the same; their figures take the place of the old ones in `pgrepo/docs` |
//!
//! It brings up a server of its own and runs each subject of each workload in a process of its own, in turn. The figures
//! of all workloads go to `pgrepo/docs`, and those of a part below the target folder.

use std::process::ExitCode;

use crate::task::{Library, Metrics, Result, Task};

mod build_cost;
mod check;
mod header;
mod meter;
mod observed;
mod output;
mod package;
mod place;
mod plan;
mod python;
mod run;
mod subjects;
mod tables;
mod task;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let mut options = run::Options::default();
    let result = loop {
        match args.next().as_deref() {
            Some("--child") => break child(&args.next().unwrap_or_default()),
            Some("--quick") => options.quick = true,
            Some("--only") => options.only.extend(args.next()),
            Some("--merge") => options.merge = true,
            Some("--check") => options.check = true,
            // Cargo's own.
            Some("--bench") => {}
            Some(other) => break Err(format!("there is no argument {other}").into()),
            None => break runtime(1).and_then(|runtime| runtime.block_on(run::all(options))),
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does one task in this process, and prints what it measured.
fn child(task: &str) -> Result<()> {
    let task: Task = serde_json::from_str(task)?;
    place::hold_this(task.processor)?;
    let threads = if task.tasks > 1 || task.connections > 1 { std::thread::available_parallelism()?.get() } else { 1 };
    let metrics = runtime(threads)?.block_on(subject(&task))?;
    println!("{}", serde_json::to_string(&metrics)?);
    Ok(())
}

async fn subject(task: &Task) -> Result<Metrics> {
    match task.library {
        Library::Pgrepo => subjects::pgrepo::run(task).await,
        Library::TokioPostgres => subjects::tokio_postgres::run(task).await,
        Library::Sqlx => subjects::sqlx::run(task).await,
        Library::Diesel => subjects::diesel::run(task).await,
        Library::Raw => subjects::raw::run(task).await,
        Library::Programs => subjects::programs::run(task).await,
        Library::Asyncpg | Library::Psycopg => Err("Python's subjects run in Python".into()),
    }
}

/// One thread runs what one connection does.
fn runtime(threads: usize) -> Result<tokio::runtime::Runtime> {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    Ok(builder.enable_all().build()?)
}
