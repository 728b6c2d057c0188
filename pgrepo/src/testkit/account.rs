use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::command::{command_as, run};
use super::error::{Context, TestkitError};

/// The account that the server runs as when it is not our own: PostgreSQL refuses to run as root.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: &'static str,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Returns the account to switch to, or `None` to stay as we are.
    pub(super) fn of_server() -> Result<Option<Self>, TestkitError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let (Some(uid), Some(gid)) = (id(name, "-u"), id(name, "-g")) {
                return Ok(Some(Self { name, uid, gid }));
            }
        }
        Err(TestkitError::new(
            "PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run it as",
        ))
    }
}

fn id(name: &str, which: &str) -> Option<u32> {
    let mut command = Command::new("id");
    command.args([which, name]);
    run(command, Duration::from_secs(10)).ok()?.parse().ok()
}

/// Makes a new folder that only the server's account (and root) can enter.
pub(super) fn private_dir(path: &Path, account: Option<&Account>) -> Result<(), TestkitError> {
    DirBuilder::new().mode(0o700).create(path).context(|| format!("the folder {} cannot be made", path.display()))?;
    give(path, account)
}

/// Hands a file or folder over to the server's account.
pub(super) fn give(path: &Path, account: Option<&Account>) -> Result<(), TestkitError> {
    match account {
        Some(account) => chown(path, Some(account.uid), Some(account.gid))
            .context(|| format!("{} cannot be given to `{}`", path.display(), account.name)),
        None => Ok(()),
    }
}

/// Returns the folder in which clusters live: the system's temporary one, unless the server's account cannot work in it or its
/// path is too long for a socket.
pub(super) fn temporary_root(account: Option<&Account>) -> PathBuf {
    let root = std::env::temp_dir();
    let mut enter = command_as(account, Path::new("/bin/sh"));
    enter.args(["-c", "cd \"$0\" && test -w ."]).arg(&root);
    if root.as_os_str().len() <= 60 && run(enter, Duration::from_secs(10)).is_ok() {
        root
    } else {
        PathBuf::from("/tmp")
    }
}

/// Returns the folder for what is kept between runs; it is ours alone to write.
pub(super) fn cache_root(chosen: Option<&Path>, account: Option<&Account>) -> Result<PathBuf, TestkitError> {
    if let Some(chosen) = chosen {
        return kept_dir(chosen);
    }
    let persistent = match account {
        Some(_) => Some(PathBuf::from("/var/cache/pgrepo")),
        None => std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .filter(|path| path.is_absolute())
            .map(|path| path.join("pgrepo")),
    };
    if let Some(Ok(path)) = persistent.as_deref().map(kept_dir) {
        return Ok(path);
    }
    let ours = rustix::process::geteuid().as_raw();
    kept_dir(&temporary_root(account).join(format!("pgrepo-cache-{ours}")))
}

fn kept_dir(path: &Path) -> Result<PathBuf, TestkitError> {
    let unusable = || format!("the cache folder {} cannot be used", path.display());
    DirBuilder::new().recursive(true).mode(0o755).create(path).context(unusable)?;
    let found = fs::symlink_metadata(path).context(unusable)?;
    let ours = rustix::process::geteuid().as_raw();
    if !found.is_dir() || found.uid() != ours || found.mode() & 0o022 != 0 {
        return Err(TestkitError::new(format!(
            "the cache folder {} is not ours alone to write; remove it or choose another",
            path.display()
        )));
    }
    Ok(path.to_owned())
}
