//! Packages that are made only to be built.
//!
//! They stand in the target folder. They have the versions of this package's lock file, so nothing but what it names is
//! fetched.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::task::Result;

/// A folder of that name in the target folder.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    Ok(exe.ancestors().nth(3).ok_or("the program stands in no target folder")?.join(name))
}

/// A package with nothing in it but what its manifest says; `CHECKOUT` in it is where pgrepo stands.
pub(crate) fn make(folder: &Path, manifest: &str) -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checkout = here.ancestors().nth(2).ok_or("this package stands in no checkout")?;
    let checkout = checkout.to_str().ok_or("the checkout's path is no text")?;
    write(&folder.join("Cargo.toml"), &manifest.replace("CHECKOUT", checkout))?;
    write(&folder.join("src/lib.rs"), "")?;
    std::fs::copy(here.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(())
}

pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::create_dir_all(path.parent().ok_or("a file stands in no folder")?)?;
    Ok(std::fs::write(path, text)?)
}

/// Cargo in that package, with a target folder of its own.
pub(crate) fn cargo(folder: &Path, command: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).arg(command).arg("--quiet");
    cargo.env("CARGO_TARGET_DIR", folder.join("target")).env("CARGO_INCREMENTAL", "0");
    cargo
}

/// What it prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
