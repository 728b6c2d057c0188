use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use super::account::{Account, give};
use super::command::command_as;
use super::error::{Context, TestkitError};

const SCRIPT: &str = include_str!("supervisor.sh");

/// The shell that starts and stops the server, and ends it when the pipe from this process closes: also when this process is
/// killed and nothing in it can run any more.
///
/// It is in a process group of its own, so a Ctrl-C at the terminal reaches neither it nor the server.
#[derive(Debug)]
pub(super) struct Supervisor {
    pipes: Option<(ChildStdin, BufReader<ChildStdout>)>,
    child: Option<Child>,
}

impl Supervisor {
    pub(super) fn start(
        dir: &Path,
        template: &Path,
        server: &Command,
        account: Option<&Account>,
    ) -> Result<Self, TestkitError> {
        let log_path = dir.join("log");
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&log_path)
            .context(|| "the server's log cannot be made")?;
        give(&log_path, account)?;
        let mut child = command_as(account, Path::new("/bin/sh"))
            .args(["-c", SCRIPT, "pgrepo"])
            .args([dir, template])
            .arg(server.get_program())
            .args(server.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .context(|| "the server's watcher (/bin/sh) does not start")?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        Ok(Self { pipes: pipes.map(|(stdin, stdout)| (stdin, BufReader::new(stdout))), child: Some(child) })
    }

    /// Sends one command and waits for its exit status.
    pub(super) fn ask(&mut self, line: &str) -> Result<(), TestkitError> {
        let lost = || "the server's watcher is gone";
        let (stdin, stdout) = self.pipes.as_mut().ok_or_else(|| TestkitError::new(lost()))?;
        writeln!(stdin, "{line}").context(lost)?;
        let mut answer = String::new();
        stdout.read_line(&mut answer).context(lost)?;
        match answer.trim() {
            "0" => Ok(()),
            "" => Err(TestkitError::new(lost())),
            status => Err(TestkitError::new(format!("`{line}` failed with status {status}"))),
        }
    }

    /// Stops the server, removes its folder and waits until both are gone.
    pub(super) fn end(&mut self) -> Result<(), TestkitError> {
        self.pipes = None;
        match self.child.take() {
            Some(mut child) => child.wait().map(drop).context(|| "the server's watcher is lost"),
            None => Ok(()),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.pipes = None;
        if let Some(mut child) = self.child.take() {
            // Only to collect its exit status; the shell does its work without us.
            thread::spawn(move || child.wait());
        }
    }
}
