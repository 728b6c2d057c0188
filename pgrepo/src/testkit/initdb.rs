use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::{Account, cache_root, give};
use super::command::{command_as, run};
use super::error::{Context, TestkitError};
use super::fresh::{Staging, random};

const ARGUMENTS: [&str; 5] = ["--username=postgres", "--encoding=UTF8", "--no-locale", "--auth=trust", "--no-sync"];

/// A data folder as `initdb` leaves it, kept between runs, from which clusters are copied.
pub(super) struct ClusterTemplate {
    pub(super) data: PathBuf,
    /// The password of its superuser, known to the owner of the cache only.
    pub(super) password: String,
}

impl ClusterTemplate {
    /// Returns the template of a server, after making it if no earlier run did.
    ///
    /// Several processes may make it at the same time: each works in a folder of its own, and the first rename wins.
    pub(super) fn of(
        bin_dir: &Path,
        version: &str,
        cache_dir: Option<&Path>,
        account: Option<&Account>,
    ) -> Result<Self, TestkitError> {
        let cache = cache_root(cache_dir, account)?;
        let owner = account.map_or("self", |account| account.name);
        let kept = cache.join(format!("initdb-{version}-{owner}-{:016x}", key(bin_dir)));
        if !kept.is_dir() {
            make(bin_dir, &cache, &kept, account)?;
        }
        let password = fs::read_to_string(kept.join("password"))
            .context(|| format!("the template {} is broken; remove it", kept.display()))?;
        Ok(Self { data: kept.join("data"), password })
    }
}

fn make(bin_dir: &Path, cache: &Path, kept: &Path, account: Option<&Account>) -> Result<(), TestkitError> {
    let staging = Staging::new(cache, "initdb", 0o700, account)?;
    let password = staging.path().join("password");
    fs::write(&password, random(16)?).context(|| "the cluster's password cannot be written")?;
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).context(|| "the password cannot be protected")?;
    give(&password, account)?;
    let mut initdb = command_as(account, &bin_dir.join("initdb"));
    initdb.args(ARGUMENTS).arg("--pwfile").arg(&password);
    initdb.arg("--pgdata").arg(staging.path().join("data"));
    run(initdb, Duration::from_secs(120))?;
    staging.publish(staging.path(), kept)
}

/// A stable hash (FNV-1a) of what the template depends on besides the version and the owner.
fn key(bin_dir: &Path) -> u64 {
    let text = format!("{} {ARGUMENTS:?}", bin_dir.display());
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
