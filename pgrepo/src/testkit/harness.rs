use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::database::TestDatabase;
use super::error::{TestkitError, chain};
use super::server::Server;
use super::template::Template;

/// What a [`#[pgrepo::test]`](macro@crate::test) function may take: made from the test's database.
#[diagnostic::on_unimplemented(
    message = "a test cannot be given a `{Self}`",
    label = "this is not made from a test's database",
    note = "take a `pgrepo::testkit::TestDatabase`, or implement `pgrepo::testkit::FromTestDatabase` for this type"
)]
pub trait FromTestDatabase: Sized {
    /// Why it could not be made.
    type Error: Error;

    /// Makes the value. The database is dropped after the test, whatever became of the value.
    ///
    /// # Examples
    /// ```no_run
    /// use pgrepo::Db;
    /// use pgrepo::testkit::{FromTestDatabase, TestDatabase};
    ///
    /// /// What the tests of a program are given.
    /// struct App { db: Db }
    ///
    /// impl FromTestDatabase for App {
    ///     type Error = pgrepo::Error;
    ///
    ///     async fn from_test_database(database: TestDatabase) -> pgrepo::Result<Self> {
    ///         Ok(Self { db: Db::from_url(&database.url()).await? })
    ///     }
    /// }
    ///
    /// #[pgrepo::test(sql = "CREATE TABLE airports (icao text PRIMARY KEY)")]
    /// async fn there_is_no_airport(app: App) -> pgrepo::Result<()> {
    ///     let airports: i64 = app.db.query("SELECT count(*) FROM airports").fetch_val().await?;
    ///     assert_eq!(airports, 0);
    ///     Ok(())
    /// }
    /// ```
    fn from_test_database(database: TestDatabase) -> impl Future<Output = Result<Self, Self::Error>>;
}

impl FromTestDatabase for TestDatabase {
    type Error = Infallible;

    async fn from_test_database(database: TestDatabase) -> Result<Self, Infallible> {
        Ok(database)
    }
}

/// What the attribute macro read from a test.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct TestSetup {
    pub script: &'static str,
    pub private: bool,
    pub multi_thread: bool,
}

async fn create(setup: &TestSetup) -> Result<TestDatabase, TestkitError> {
    let server = if setup.private { Server::shared_private().await? } else { Server::shared().await? };
    Template::from_sql(&server, setup.script).await?.database().await
}

/// Runs one test on a database and a runtime of its own. The attribute macro calls it.
#[doc(hidden)]
pub fn run_test<T: FromTestDatabase, R>(setup: TestSetup, test: impl AsyncFnOnce(T) -> R) -> R {
    let mut builder = if setup.multi_thread {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("the test's runtime does not start: {error}"),
    };
    let database = match runtime.block_on(create(&setup)) {
        Ok(database) => database,
        Err(error) => panic!("the test has no database: {}", error.chain()),
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            match T::from_test_database(database.clone()).await {
                Ok(value) => test(value).await,
                Err(error) => panic!("the test's argument cannot be made: {}", chain(&error)),
            }
        })
    }));
    let closed = runtime.block_on(database.close());
    match (outcome, closed) {
        (Err(panic), _) => resume_unwind(panic),
        (Ok(_), Err(error)) => panic!("the test's database stays behind: {}", error.chain()),
        (Ok(result), Ok(())) => result,
    }
}

impl FromTestDatabase for crate::Db {
    type Error = crate::Error;

    async fn from_test_database(database: TestDatabase) -> crate::Result<Self> {
        Self::from_url(&database.url()).await
    }
}
