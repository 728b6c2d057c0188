use std::sync::{Arc, PoisonError, Weak};

use super::admin::{Admin, quote};
use super::database::{DatabaseGuard, NAME_PREFIX, TestDatabase};
use super::error::{Context, TestkitError};
use super::fresh::unique;
use super::server::Server;

/// What a server knows of one template: its name for good on a private server, and for as long as somebody uses it on a named
/// one, where nothing may stay behind.
pub(super) type Slot = Arc<tokio::sync::Mutex<Known>>;

#[derive(Debug, Default)]
pub(super) struct Known {
    forever: Option<String>,
    while_used: Weak<DatabaseGuard>,
}

/// A database that was set up once, from which each test gets a copy of its own.
///
/// The set-up runs once a process for each distinct script (on a named server once for as long as anybody uses the template,
/// since it is dropped there with the last test that does).
///
/// # Examples
/// ```no_run
/// # async fn example() -> Result<(), pgrepo::testkit::TestkitError> {
/// use pgrepo::testkit::{Server, Template};
///
/// let template = Template::from_sql(&Server::shared().await?, "CREATE TABLE t (id int)").await?;
/// let database = template.database().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    server: Server,
    name: String,
    guard: Option<Arc<DatabaseGuard>>,
}

impl Template {
    /// Returns the template that this script sets up; the script may hold several statements.
    ///
    /// # Errors
    /// When the script fails, or the account may not create databases.
    ///
    /// # Cancel safety
    /// A half-made template is never used; on a named server it is dropped.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// use pgrepo::testkit::Template;
    /// let template = Template::from_sql(&server, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn from_sql(server: &Server, script: &str) -> Result<Self, TestkitError> {
        Self::with(server, &format!("sql:{script}"), async |url| {
            let mut admin = Admin::connect(&url).await?;
            admin.run(script).await.context(|| "the set-up script of the test's database failed")?;
            admin.close().await
        })
        .await
    }

    /// Returns the template that this closure sets up in the empty database whose URL it is given; it has to close its
    /// connections. The key stands for what the closure does: equal keys share a template.
    ///
    /// # Errors
    /// The closure's own, or when the account may not create databases.
    ///
    /// # Cancel safety
    /// As [`from_sql`](Self::from_sql).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// use pgrepo::Db;
    /// use pgrepo::testkit::Template;
    ///
    /// let migrate = async |url: String| {
    ///     let db = Db::from_url(&url).await?;
    ///     db.execute_script("CREATE TABLE t (id int)").await?;
    ///     db.close().await;
    ///     Ok::<(), pgrepo::Error>(())
    /// };
    /// let template = Template::with_set_up(&server, "migrations up to 7", migrate).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn with_set_up<E>(
        server: &Server,
        key: &str,
        set_up: impl AsyncFnOnce(String) -> Result<(), E>,
    ) -> Result<Self, TestkitError>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        Self::with(server, &format!("closure:{key}"), async |url| {
            set_up(url).await.context(|| "the set-up closure of the test's database failed")
        })
        .await
    }

    async fn with(
        server: &Server,
        key: &str,
        set_up: impl AsyncFnOnce(String) -> Result<(), TestkitError>,
    ) -> Result<Self, TestkitError> {
        let slot: Slot = {
            let mut slots = server.templates().lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry(key.to_owned()).or_default().clone()
        };
        let mut known = slot.lock().await;
        let ready = |name: String, guard| Self { server: server.clone(), name, guard };
        if let Some(name) = &known.forever {
            return Ok(ready(name.clone(), None));
        }
        if let Some(guard) = known.while_used.upgrade() {
            return Ok(ready(guard.name().to_owned(), Some(guard)));
        }
        let guard = DatabaseGuard::create(server, unique(NAME_PREFIX), "template0").await?;
        set_up(server.url(guard.name())).await?;
        let mut admin = Admin::connect(&server.admin_url()).await?;
        admin
            .run(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", quote(guard.name())))
            .await
            .context(|| "the template cannot be closed to connections")?;
        admin.close().await?;
        if server.is_private() {
            let name = guard.keep();
            known.forever = Some(name.clone());
            return Ok(ready(name, None));
        }
        let guard = Arc::new(guard);
        known.while_used = Arc::downgrade(&guard);
        Ok(ready(guard.name().to_owned(), Some(guard.clone())))
    }

    /// Returns a new database that is a copy of this template.
    ///
    /// # Errors
    /// When the server refuses, for example because somebody is still connected to the template.
    ///
    /// # Cancel safety
    /// A database that was being made is dropped.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(template: pgrepo::testkit::Template) -> Result<(), pgrepo::testkit::TestkitError> {
    /// // Each is as the template was.
    /// let (one, other) = (template.database().await?, template.database().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn database(&self) -> Result<TestDatabase, TestkitError> {
        let guard = DatabaseGuard::create(&self.server, unique(NAME_PREFIX), &self.name).await?;
        Ok(TestDatabase::new(guard, self.guard.clone()))
    }
}
