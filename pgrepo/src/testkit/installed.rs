use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::account::Account;
use super::command::{command_as, run};
use super::error::TestkitError;

/// Returns the folders that hold an installed server's programs, the likeliest first.
pub(super) fn bin_dirs(chosen: Option<&[PathBuf]>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for dir in chosen.map_or_else(usual_dirs, <[_]>::to_vec) {
        let Ok(dir) = dir.canonicalize() else {
            continue;
        };
        if has_server(&dir) && !found.contains(&dir) {
            found.push(dir);
        }
    }
    found
}

fn has_server(dir: &Path) -> bool {
    dir.join("postgres").is_file() && dir.join("initdb").is_file()
}

fn usual_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let mut config = Command::new("pg_config");
    config.arg("--bindir");
    if let Ok(dir) = run(config, Duration::from_secs(10)) {
        dirs.push(dir.into());
    }
    for (root, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql"),
    ] {
        dirs.extend(newest_first(Path::new(root), prefix));
    }
    dirs
}

fn newest_first(root: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let mut dirs: Vec<(u32, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.trim_start_matches('@').parse().unwrap_or(0);
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, dir)| has_server(dir))
        .collect();
    dirs.sort_by(|a, b| b.cmp(a));
    dirs.into_iter().map(|(_, dir)| dir).collect()
}

/// Returns the version that the server in this folder says it has, such as `15.18`.
pub(super) fn version(bin_dir: &Path, account: Option<&Account>) -> Result<String, TestkitError> {
    let mut command = command_as(account, &bin_dir.join("postgres"));
    command.arg("--version");
    let said = run(command, Duration::from_secs(30))?;
    said.split_whitespace()
        .nth(2)
        .map(str::to_owned)
        .ok_or_else(|| TestkitError::new(format!("`postgres --version` said `{said}`")))
}
