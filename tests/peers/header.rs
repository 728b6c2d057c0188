//! What a run ran on.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use tests::report::{Machine, Run};

use crate::tables::SETTINGS;
use crate::task::Result;

/// The crates whose versions are told.
const CRATES: [&str; 6] = ["deadpool-postgres", "diesel", "diesel-async", "pgrepo", "sqlx", "tokio-postgres"];

/// Reads it off this machine. `others` are the versions of those that are no crates.
pub(crate) fn gather(server: &str, others: BTreeMap<String, String>, quick: bool) -> Result<Run> {
    let mut versions = others;
    for name in CRATES {
        versions.insert(name.to_owned(), locked(name).ok_or("the lock file does not name all peers")?);
    }
    let seconds = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let rustc = Command::new(option_env!("RUSTC").unwrap_or("rustc")).arg("-V").output()?;
    Ok(Run {
        date: DateTime::from_timestamp(seconds, 0).ok_or("the clock is wrong")?.date_naive().to_string(),
        machine: Machine {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|_| std::env::consts::ARCH.to_owned()),
            processors: std::thread::available_parallelism()?.get(),
            memory_gib: (memory_kib()? + (1 << 19)) >> 20,
        },
        kernel: format!("Linux {}", read_to_string("/proc/sys/kernel/osrelease")?.trim()),
        server: server.to_owned(),
        settings: SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        rustc: String::from_utf8(rustc.stdout)?.trim().to_owned(),
        versions,
        quick,
    })
}

fn memory_kib() -> Result<u64> {
    Ok(field("/proc/meminfo", "MemTotal")?.trim_end_matches(" kB").parse()?)
}

/// The value of a line such as `name : value`.
fn field(file: &str, name: &str) -> Result<String> {
    let text = read_to_string(file)?;
    let value = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name);
    Ok(value.ok_or_else(|| format!("{file} has no {name}"))?.1.trim().to_owned())
}

/// The version of a crate in the lock file.
fn locked(name: &str) -> Option<String> {
    let lock = include_str!("Cargo.lock");
    let (_, after) = lock.split_once(&format!("\nname = \"{name}\"\nversion = \""))?;
    Some(after.split_once('"')?.0.to_owned())
}
