//! A service in this process or in one of its own, on a database of the test's.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, DbConfig};
use pgrepo_service::client::Client;
use pgrepo_service::{Ended, Service, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(crate) const CSV: &str = "text/csv";
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// Longer than anything takes that ends at all.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Settings on a free port.
pub(crate) fn settings() -> Settings {
    Settings { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Settings::default() }
}

/// A service in this process.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Ended>,
}

impl Running {
    pub(crate) async fn start(settings: Settings, url: &str) -> Self {
        Self::with(settings, DbConfig::from_url(url).unwrap()).await
    }

    pub(crate) async fn with(settings: Settings, config: DbConfig) -> Self {
        let service = Service::start(settings, config).await.unwrap();
        let address = service.address();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(service.run(async {
            stopped.await.ok();
        }));
        Self { address, stop: Some(stop), ended }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        self.stop();
        tokio::time::timeout(LONG, self.ended).await.expect("it ends").unwrap()
    }
}

/// A service with the default settings, its database and a client.
pub(crate) async fn service(database: &TestDatabase) -> (Running, Client, Db) {
    let running = Running::start(settings(), &database.url()).await;
    let client = running.client();
    (running, client, Db::from_url(&database.url()).await.unwrap())
}

/// A line of NDJSON.
pub(crate) fn line(icao: &str) -> String {
    format!(
        r#"{{"icao":"{icao}","iata":null,"name":"{icao} Field","city":"Bern","subd":null,"country":"CH","elevation":1674.5,"lat":46.9,"lon":7.5,"tz":"Europe/Zurich"}}"#
    ) + "\n"
}

/// So many lines of NDJSON whose codes begin so.
pub(crate) fn lines(prefix: &str, count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        write!(text, "{}", line(&format!("{prefix}{number:05}"))).unwrap();
        text
    })
}

pub(crate) const HEADER: &str = "icao,iata,name,city,subd,country,elevation,lat,lon,tz\n";

pub(crate) fn id() -> Uuid {
    Uuid::from_u128(fastrand::u128(..))
}

/// How many airports are stored, of an upload or in all.
pub(crate) async fn stored(db: &Db, of: Option<Uuid>) -> i64 {
    let sql = "SELECT count(*) FROM airports WHERE $1::uuid IS NULL OR upload_id = $1";
    db.query(sql).bind(of).fetch_val().await.unwrap()
}

/// How many rows tell of uploads.
pub(crate) async fn told(db: &Db) -> i64 {
    db.query("SELECT count(*) FROM uploads").fetch_val().await.unwrap()
}

/// A body that is written piece by piece; it ends when the sender is dropped.
pub(crate) fn body() -> (mpsc::Sender<Bytes>, Body) {
    let (pieces, received) = mpsc::channel::<Bytes>(1);
    let pieces_of = stream::unfold(received, |mut received| async {
        let piece = received.recv().await?;
        Some((Ok::<_, std::io::Error>(piece), received))
    });
    (pieces, Body::from_stream(pieces_of))
}

/// Waits until a query counts something; the test ends after [`LONG`].
pub(crate) async fn until(db: &Db, sql: &'static str) {
    let began = Instant::now();
    while db.query(sql).fetch_val::<i64>().await.unwrap() == 0 {
        assert!(began.elapsed() < LONG, "not within {LONG:?}: {sql}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An upload holds its lock, so it is under way.
pub(crate) const UNDER_WAY: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = \
    (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Sends bytes as they are and returns the status line of what comes back, and its body.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.ok();
    let mut answer = Vec::new();
    tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("it answers").ok();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

/// The program in a process of its own, with no settings but these.
pub(crate) fn program(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgrepo-service"));
    let foreign = |name: &str| ["SERVICE_", "POSTGRES_", "PG"].iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name == "DATABASE_URL" || foreign(name)) {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

/// The program while it serves. Dropped, it is killed.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) out: BufReader<std::process::ChildStdout>,
}

impl Process {
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let mut command = program(variables);
        command.env("SERVICE_LISTEN", "127.0.0.1:0").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("listening on http://") {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "it ended: {:?}", child.wait());
        }
        let address = line.trim().trim_start_matches("listening on http://").parse().unwrap();
        Self { child, address, out }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
