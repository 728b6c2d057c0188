//! Tries the service: kills it and its database's server while uploads are open, and puts it under load.

use std::error::Error as StdError;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::client::Client;

mod kills;
mod load;
mod uploader;

pub use kills::{Kills, KillsReport};
pub use load::{Load, LoadReport};

/// Whatever keeps a storm from its end.
pub type Error = Box<dyn StdError + Send + Sync>;

/// How long anything may take that ends at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the service is started as a process of its own: a program and its arguments.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Program {
    /// Starts it with no settings but these, and waits until it listens.
    fn start(&self, address: SocketAddr, variables: &[(&str, &str)]) -> Result<Process, Error> {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        for (name, _) in std::env::vars_os() {
            let foreign = |name: &str| {
                name == "DATABASE_URL" || ["SERVICE_", "POSTGRES_", "PG"].iter().any(|start| name.starts_with(start))
            };
            if name.to_str().is_some_and(foreign) {
                command.env_remove(name);
            }
        }
        command.envs(variables.iter().copied()).env("SERVICE_LISTEN", address.to_string());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("no standard output")?;
        let mut process = Process { child };
        for line in BufReader::new(out).lines() {
            if line?.starts_with("listening on ") {
                return Ok(process);
            }
        }
        Err(format!("the service does not start: {}", process.child.wait()?).into())
    }
}

/// A service as a process of its own; killed when it is dropped.
struct Process {
    child: Child,
}

impl Process {
    /// As by `kill -9`.
    fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.kill();
    }
}

/// An address on this machine that nobody listens at.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// Waits until the service is ready.
async fn ready(address: SocketAddr) -> Result<(), Error> {
    let (mut client, began) = (Client::new(address), Instant::now());
    loop {
        match client.get("/ready").await {
            Ok(answer) if answer.status.is_success() => return Ok(()),
            Ok(answer) if began.elapsed() > PATIENCE => return Err(format!("not ready: {}", answer.json()).into()),
            Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
            _ => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Lines of NDJSON for airports whose codes begin so and end by these numbers.
fn lines(prefix: &str, numbers: std::ops::Range<u64>) -> String {
    let mut text = String::new();
    for (number, country) in numbers.zip(["CH", "BO", "US", "IS"].iter().cycle()) {
        let city = number % 100;
        let (lat, lon, feet) = (number % 90, number % 180, number % 9_000);
        // Writing to a String does not fail.
        let _written = writeln!(
            text,
            "{{\"icao\":\"{prefix}-{number}\",\"iata\":null,\"name\":\"Field {number}\",\"city\":\"City {city}\",\
             \"subd\":null,\"country\":\"{country}\",\"elevation\":{feet},\"lat\":{lat},\"lon\":{lon},\"tz\":\"Zone/{city}\"}}"
        );
    }
    text
}
