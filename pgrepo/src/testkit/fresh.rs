use std::fs::{self, DirBuilder};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::account::{Account, give};
use super::error::{Context, TestkitError};

/// Returns bytes from the system's generator as hexadecimal digits.
pub(super) fn random(bytes: usize) -> Result<String, TestkitError> {
    let mut buffer = vec![0; bytes];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut buffer))
        .context(|| "the system gives no random bytes")?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns a name that no other call, process or run has had: a prefix, the second, the process, a number.
pub(super) fn unique(prefix: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{prefix}_{:x}_{}_{}", now.as_secs(), std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A folder in the cache in which something is made, to be published by one rename; removed when dropped.
pub(super) struct Staging {
    path: PathBuf,
}

impl Staging {
    pub(super) fn new(cache: &Path, what: &str, mode: u32, owner: Option<&Account>) -> Result<Self, TestkitError> {
        remove_abandoned(cache);
        let path = cache.join(unique(&format!("staging_{what}")));
        DirBuilder::new()
            .mode(mode)
            .create(&path)
            .context(|| format!("the folder {} cannot be made", path.display()))?;
        let staging = Self { path };
        give(&staging.path, owner)?;
        Ok(staging)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives what was made its name, unless another process was faster.
    pub(super) fn publish(&self, made: &Path, name: &Path) -> Result<(), TestkitError> {
        match fs::rename(made, name) {
            Err(_) if name.is_dir() => Ok(()),
            result => result.context(|| format!("{} cannot be kept", name.display())),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Gone already when it was published as a whole; anything else is removed by a later run.
        fs::remove_dir_all(&self.path).ok();
    }
}

/// Removes what a process that was killed left behind an hour ago or earlier.
fn remove_abandoned(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let staging = entry.file_name().to_string_lossy().starts_with("staging_");
        let age = entry.metadata().and_then(|data| data.modified()).map(|time| time.elapsed());
        if staging && matches!(age, Ok(Ok(age)) if age > Duration::from_secs(3600)) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
