use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::account::Account;
use super::error::{Context, TestkitError};

/// A command that runs as the server's account, without the caller's `PG…` variables and far from its folder, which that
/// account may not be able to read.
pub(super) fn command_as(account: Option<&Account>, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env("LC_ALL", "C");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(&name);
        }
    }
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// Runs a command to its end and returns its standard output; a failure carries what it wrote to standard error.
pub(super) fn run(mut command: Command, limit: Duration) -> Result<String, TestkitError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(|| format!("`{program}` does not run"))?;
    let out = child.stdout.take().map(collect);
    let err = child.stderr.take().map(collect);
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().context(|| format!("`{program}` is lost"))? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().context(|| format!("`{program}` cannot be ended"))?;
            child.wait().context(|| format!("`{program}` is lost"))?;
            return Err(TestkitError::new(format!("`{program}` did not end within {} s", limit.as_secs())));
        }
        thread::sleep(Duration::from_millis(2));
    };
    let text = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
        reader
            .and_then(|reader| reader.join().ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
            .unwrap_or_default()
    };
    let out = text(out);
    if status.success() {
        return Ok(out);
    }
    let err = text(err);
    let said = if err.is_empty() { &out } else { &err };
    Err(TestkitError::new(format!("`{program}` failed ({status}): {}", tail(said))))
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        match from.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            Err(error) => error.to_string().into_bytes(),
        }
    })
}

/// The last lines of a text, on one line.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}
