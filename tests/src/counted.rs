//! How many instructions a program runs, as valgrind counts them.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// The instructions of one run of a program.
pub fn instructions<A: AsRef<OsStr>>(valgrind: &Path, program: &Path, args: &[A]) -> Result<f64, String> {
    let mut command = Command::new(valgrind);
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(args);
    let output = command.output().map_err(|error| format!("valgrind does not count the instructions: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.filter(|_| output.status.success()).and_then(|(_, number)| number.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind did not count {}: {text}", program.display()))
}
