use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use super::admin::{Admin, quote};
use super::error::{Context, TestkitError};
use super::server::Server;
use super::template::Template;

/// What the names of all the kit's databases begin with.
pub(super) const NAME_PREFIX: &str = "pgrepo_test";

/// A database for one test.
///
/// Clones are handles to the same database. It is dropped, with whoever is still connected to it, when the last handle is;
/// on a named server that waits until the database is gone, on a private one it goes on in the background.
///
/// # Examples
/// ```no_run
/// # async fn example() -> Result<(), pgrepo::testkit::TestkitError> {
/// use pgrepo::testkit::TestDatabase;
///
/// let database = TestDatabase::create("CREATE TABLE t (id int)").await?;
/// println!("{}", database.url());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TestDatabase {
    guard: Arc<DatabaseGuard>,
    // Keeps a named server's template alive, so that tests that overlap share it.
    _template: Option<Arc<DatabaseGuard>>,
}

impl TestDatabase {
    /// Returns a new database on the shared server, set up by this script.
    ///
    /// # Errors
    /// When there is no server, or the script fails.
    ///
    /// # Cancel safety
    /// A database that was being made is dropped.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> Result<(), pgrepo::testkit::TestkitError> {
    /// use pgrepo::testkit::TestDatabase;
    /// let database = TestDatabase::create("CREATE TABLE t (id int)").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create(script: &str) -> Result<Self, TestkitError> {
        let server = Server::shared().await?;
        Template::from_sql(&server, script).await?.database().await
    }

    pub(super) fn new(guard: DatabaseGuard, template: Option<Arc<DatabaseGuard>>) -> Self {
        Self { guard: Arc::new(guard), _template: template }
    }

    /// Returns the database's name.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(database: pgrepo::testkit::TestDatabase) -> Result<(), pgrepo::testkit::TestkitError> {
    /// println!("the test runs on {}", database.name());
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(&self) -> &str {
        self.guard.name()
    }

    /// Returns the server that the database is on.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(database: pgrepo::testkit::TestDatabase) -> Result<(), pgrepo::testkit::TestkitError> {
    /// println!("PostgreSQL {}", database.server().version());
    /// # Ok(())
    /// # }
    /// ```
    pub fn server(&self) -> &Server {
        &self.guard.server
    }

    /// Returns the database's URL, as [`Server::url`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(database: pgrepo::testkit::TestDatabase) -> pgrepo::Result<()> {
    /// let db = pgrepo::Db::from_url(&database.url()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(&self) -> String {
        self.server().url(self.name())
    }

    /// Returns the database's URL over TCP, as [`Server::tcp_url`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(database: pgrepo::testkit::TestDatabase) -> pgrepo::Result<()> {
    /// let db = pgrepo::Db::from_url(&database.tcp_url()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tcp_url(&self) -> String {
        self.server().tcp_url(self.name())
    }

    /// Drops the database now, for all handles, and waits until it is gone.
    ///
    /// # Errors
    /// When the server refuses or is not there.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(database: pgrepo::testkit::TestDatabase) -> Result<(), pgrepo::testkit::TestkitError> {
    /// database.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(self) -> Result<(), TestkitError> {
        self.guard.remove().await
    }
}

/// A database to be dropped with this value.
#[derive(Debug)]
pub(super) struct DatabaseGuard {
    server: Server,
    name: String,
    done: AtomicBool,
}

impl DatabaseGuard {
    pub(super) async fn create(server: &Server, name: String, template: &str) -> Result<Self, TestkitError> {
        let guard = Self { server: server.clone(), name, done: AtomicBool::new(false) };
        let mut admin = Admin::connect(&server.admin_url()).await?;
        let statement = format!("CREATE DATABASE {} TEMPLATE {}", quote(&guard.name), quote(template));
        // The server itself waits some seconds for sessions that are just leaving the template.
        if let Err(error) = admin.run(&statement).await {
            guard.done.store(true, Ordering::Relaxed);
            return Err(error).context(|| "the test's database cannot be made");
        }
        admin.close().await?;
        Ok(guard)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Leaves the database where it is.
    pub(super) fn keep(self) -> String {
        self.done.store(true, Ordering::Relaxed);
        self.name.clone()
    }

    async fn remove(&self) -> Result<(), TestkitError> {
        if self.done.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        remove(&self.server, &self.name).await
    }
}

impl Drop for DatabaseGuard {
    fn drop(&mut self) {
        if self.done.swap(true, Ordering::Relaxed) {
            return;
        }
        let (server, name) = (self.server.clone(), std::mem::take(&mut self.name));
        let wait = !server.is_private();
        let work = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let removed = runtime.context(|| "no runtime").and_then(|runtime| runtime.block_on(remove(&server, &name)));
            if let (Err(error), false) = (removed, server.is_private()) {
                eprintln!("the database {name} stays behind: {}", error.chain());
            }
        });
        if wait {
            work.join().ok();
        }
    }
}

async fn remove(server: &Server, name: &str) -> Result<(), TestkitError> {
    let mut admin = Admin::connect(&server.admin_url()).await?;
    admin
        .run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote(name)))
        .await
        .context(|| "the test's database cannot be dropped")?;
    admin.close().await
}

/// Drops what killed processes left on a named server.
pub(super) async fn sweep(admin: &mut Admin) -> Result<(), TestkitError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    for name in admin.abandoned(NAME_PREFIX, now).await? {
        admin
            .run(&format!("DROP DATABASE IF EXISTS {}", quote(&name)))
            .await
            .context(|| "a database of an earlier run cannot be dropped")?;
    }
    Ok(())
}
