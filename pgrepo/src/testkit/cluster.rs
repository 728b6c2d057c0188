use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::account::{Account, give, private_dir, temporary_root};
use super::command::tail;
use super::error::{Context, TestkitError};
use super::fresh::random;
use super::initdb::ClusterTemplate;
use super::installed::version;
use super::options::{ServerOptions, StopMode};
use super::supervisor::Supervisor;

/// A cluster of our own: a folder with the data, the socket and the log, a supervisor, and a server most of the time.
///
/// Everything here blocks; [`Server`](super::Server) keeps it off the runtime's threads.
pub(super) struct Cluster {
    pub(super) dir: PathBuf,
    pub(super) bin_dir: PathBuf,
    pub(super) version: String,
    pub(super) major: u32,
    pub(super) port: u16,
    pub(super) password: String,
    start_timeout: Duration,
    supervisor: Mutex<Supervisor>,
}

impl Cluster {
    pub(super) fn start(
        bin_dir: &Path,
        options: &ServerOptions,
        account: Option<&Account>,
    ) -> Result<Self, TestkitError> {
        let version = version(bin_dir, account)?;
        let major = options.major_of(&version)?;
        let template = ClusterTemplate::of(bin_dir, &version, options.cache_dir.as_deref(), account)?;
        let name = format!("pgrepo-{}-{}", std::process::id(), random(4)?);
        let dir = temporary_root(account).join(name);
        private_dir(&dir, account)?;
        let mut postgres = Command::new(bin_dir.join("postgres"));
        postgres.arg("-D").arg(dir.join("data"));
        let mut supervisor = match Supervisor::start(&dir, &template.data, &postgres, account) {
            Ok(supervisor) => supervisor,
            Err(error) => {
                fs::remove_dir_all(&dir).context(|| format!("{error}, and its folder cannot be removed"))?;
                return Err(error);
            }
        };
        supervisor.ask("copy").map_err(|error| with_log(error, &dir))?;
        let mut cluster = Self {
            dir,
            bin_dir: bin_dir.to_owned(),
            version,
            major,
            port: 0,
            password: template.password,
            start_timeout: options.start_timeout,
            supervisor: Mutex::new(supervisor),
        };
        cluster.configure(options, account)?;
        cluster.start_on_a_free_port()?;
        Ok(cluster)
    }

    fn configure(&self, options: &ServerOptions, account: Option<&Account>) -> Result<(), TestkitError> {
        let dir = self.dir.display().to_string();
        let mut lines = String::new();
        for (name, value) in [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", &dir),
            ("max_connections", "200"),
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("synchronous_commit", "on"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            // In the data folder, and so removed with it: other kinds outlive a server that was killed.
            ("dynamic_shared_memory_type", "mmap"),
        ]
        .into_iter()
        .chain(options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        {
            if name.contains(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '.') {
                return Err(TestkitError::new(format!("`{name}` is not the name of a setting")));
            }
            lines += &format!("{name} = '{}'\n", value.replace('\'', "''"));
        }
        self.append("postgresql.conf", &lines)?;
        let mut hba = options.hba.join("\n");
        hba += "\nlocal all all trust\nhost all all 127.0.0.1/32 password\nlocal replication all trust\n";
        fs::write(self.dir.join("data/pg_hba.conf"), hba).context(|| "pg_hba.conf cannot be written")?;
        for (name, contents) in &options.files {
            let path = self.dir.join("data").join(name);
            fs::write(&path, contents)
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
                .context(|| format!("the file `{name}` cannot be written"))?;
            give(&path, account)?;
        }
        Ok(())
    }

    fn append(&self, file: &str, lines: &str) -> Result<(), TestkitError> {
        OpenOptions::new()
            .append(true)
            .open(self.dir.join("data").join(file))
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .context(|| format!("{file} cannot be written"))
    }

    /// A port that was free may be taken by the time the server asks for it; then another one is tried.
    fn start_on_a_free_port(&mut self) -> Result<(), TestkitError> {
        let mut last = None;
        for _ in 0..5 {
            self.port = free_port()?;
            self.append("postgresql.conf", &format!("port = {}\n", self.port))?;
            match self.start_again() {
                Err(error) if self.log().is_ok_and(|log| log.contains("could not bind")) => last = Some(error),
                result => return result,
            }
        }
        last.map_or(Ok(()), Err)
    }

    /// Starts the stopped server and waits until it accepts connections.
    pub(super) fn start_again(&self) -> Result<(), TestkitError> {
        let mut supervisor = self.supervisor();
        let deadline = Instant::now() + self.start_timeout;
        let mut said = self.log_length();
        supervisor.ask("start").context(|| "the server is not stopped")?;
        while !self.is_ready() {
            if self.dir.join("exit").exists() {
                // Sessions of a server that was killed hold its memory until they have noticed.
                if self.log_behind(said).contains("still in use") && Instant::now() < deadline {
                    thread::sleep(Duration::from_millis(10));
                    said = self.log_length();
                    supervisor.ask("start").context(|| "the server is not stopped")?;
                    continue;
                }
                return Err(with_log(TestkitError::new("the server ended while it started"), &self.dir));
            }
            if Instant::now() > deadline {
                let limit = self.start_timeout.as_secs();
                let error = TestkitError::new(format!("the server did not accept connections within {limit} s"));
                return Err(with_log(error, &self.dir));
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// The server writes `ready` to the last line of its pid file; a file of an earlier server has another pid.
    fn is_ready(&self) -> bool {
        let (Ok(pid), Ok(file)) =
            (fs::read_to_string(self.dir.join("pid")), fs::read_to_string(self.dir.join("data/postmaster.pid")))
        else {
            return false;
        };
        let mut lines = file.lines().map(str::trim);
        lines.next() == Some(pid.trim()) && lines.nth(6) == Some("ready")
    }

    pub(super) fn stop(&self, mode: StopMode) -> Result<(), TestkitError> {
        self.supervisor().ask(&format!("stop {}", mode.signal()))
    }

    pub(super) fn kill(&self, pid: i32) -> Result<(), TestkitError> {
        self.supervisor().ask(&format!("kill {pid}"))
    }

    pub(super) fn end(&self) -> Result<(), TestkitError> {
        self.supervisor().end()
    }

    pub(super) fn log(&self) -> Result<String, TestkitError> {
        let log = fs::read(self.dir.join("log")).context(|| "the server's log cannot be read")?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    fn log_length(&self) -> usize {
        fs::metadata(self.dir.join("log")).ok().and_then(|log| log.len().try_into().ok()).unwrap_or(0)
    }

    /// What was written to the log since it was so long.
    fn log_behind(&self, length: usize) -> String {
        let log = fs::read(self.dir.join("log")).unwrap_or_default();
        String::from_utf8_lossy(log.get(length..).unwrap_or_default()).into_owned()
    }

    fn supervisor(&self) -> MutexGuard<'_, Supervisor> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn with_log(error: TestkitError, dir: &Path) -> TestkitError {
    match fs::read(dir.join("log")) {
        Ok(log) if !log.is_empty() => TestkitError::new(format!("{error}: {}", tail(&String::from_utf8_lossy(&log)))),
        _ => error,
    }
}

/// Returns a port that nothing listens on, below those that systems hand out for outgoing connections: one of these could
/// take the server's while it is stopped.
fn free_port() -> Result<u16, TestkitError> {
    for _ in 0..50 {
        let random = u16::from_str_radix(&random(2)?, 16).context(|| "no random number")?;
        let port = 20_000 + random % 12_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(TestkitError::new("no free port was found on the loopback interface"))
}
