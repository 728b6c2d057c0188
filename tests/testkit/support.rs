use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgrepo::testkit::{Rung, Server, ServerOptions, TEST_VERSION_VARIABLE};
use sqlx::{Connection, PgConnection};

/// A connection, or the test ends.
pub(crate) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("a connection")
}

/// The one value that a query yields.
pub(crate) async fn one<T>(connection: &mut PgConnection, sql: &'static str) -> T
where
    T: Send + Unpin + sqlx::Type<sqlx::Postgres> + for<'r> sqlx::Decode<'r, sqlx::Postgres>,
{
    sqlx::query_scalar(sql).fetch_one(connection).await.expect(sql)
}

pub(crate) async fn run(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.expect(sql);
}

pub(crate) async fn private_server() -> Server {
    Server::start(ServerOptions::private()).await.expect("a private server")
}

/// The options of a server that is installed, for this test in whatever folder the tests' server was found.
pub(crate) async fn installed_options() -> ServerOptions {
    let bin = private_server().await.bin_dir().expect("its programs").to_owned();
    ServerOptions { rungs: vec![Rung::Installed], bin_dirs: Some(vec![bin]), ..ServerOptions::private() }
}

/// The kit's databases on a server, as the server lists them.
pub(crate) async fn test_databases(server: &Server) -> Vec<String> {
    let mut connection = connect(&server.url("postgres")).await;
    sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE datname LIKE 'pgrepo\\_test\\_%' ORDER BY 1")
        .fetch_all(&mut connection)
        .await
        .expect("the databases")
}

/// Asks again and again until the answer is yes; the test ends after 20 seconds.
pub(crate) fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout == b"0\n"
}

/// Whether a process runs (a zombie counts as one that does not).
pub(crate) fn is_alive(pid: &str) -> bool {
    let ps = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("ps");
    let state = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

/// A folder that goes away with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("testkit-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a new folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A running `testkit-child`.
pub(crate) struct Holder {
    pub(crate) child: Child,
    pub(crate) version: String,
    pub(crate) url: String,
    pub(crate) dir: PathBuf,
}

pub(crate) fn child(arguments: &[&str]) -> Command {
    child_of(Path::new(env!("CARGO_BIN_EXE_testkit-child")), arguments)
}

pub(crate) fn child_of(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    // What a child brings up is for it to say.
    command.args(arguments).env_remove(TEST_VERSION_VARIABLE).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.process_group(0);
    command
}

impl Holder {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the child");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let parts: Vec<&str> = line.trim_end_matches('\n').split('\t').collect();
        let [version, url, dir] = parts[..] else {
            panic!("the child has no server: {line}");
        };
        Self { child, version: version.to_owned(), url: url.to_owned(), dir: dir.into() }
    }

    pub(crate) fn postmaster(&self) -> String {
        let file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).expect("postmaster.pid");
        file.lines().next().expect("a pid").to_owned()
    }

    /// Ends it in good order.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("its status").success());
    }
}
