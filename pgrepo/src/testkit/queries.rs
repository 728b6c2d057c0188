use std::sync::Arc;

use crate::observe::{About, Recorded};
use crate::pool::Db;

/// The statements that a database has sent since [`begin`](Self::begin): what [`assert_queries!`](crate::assert_queries)
/// counts.
///
/// It counts for one [`Db`] and its clones, whoever uses them, in transactions too; tests that have a database each do not
/// disturb each other. Each run of a statement counts, so a repetition counts again:
///
/// | counts | how often |
/// |---|---|
/// | a statement of an operation, or of your own | once, whatever the number of its rows and values |
/// | [`execute_script`](Db::execute_script) | once: it is one message |
/// | a load, in or out | once for each COPY: one a batch, and those that look for bad rows |
/// | a merge | its COPY, and each statement by which the rows go on from there |
/// | BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their like | not at all |
/// | preparing a statement, looking a table up, pings, what is sent over the connection beside the pool | not at all |
///
/// # Examples
/// ```no_run
/// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
/// use pgrepo::testkit::Queries;
///
/// let queries = Queries::begin(db);
/// let users: i64 = db.query("SELECT count(*) FROM users").fetch_val().await?;
/// assert_eq!(queries.texts(), ["SELECT count(*) FROM users"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it counts until it is dropped"]
pub struct Queries {
    about: Arc<About>,
    start: usize,
}

impl Queries {
    /// Begins to count. Several may count at the same time.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(db: &pgrepo::Db) {
    /// let queries = pgrepo::testkit::Queries::begin(db);
    /// # }
    /// ```
    pub fn begin(db: &Db) -> Self {
        let about = Arc::clone(db.about());
        let start = about.statements.begin();
        Self { about, start }
    }

    /// The statements so far, in their order: their texts, without values.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(queries: &pgrepo::testkit::Queries) {
    /// assert!(queries.texts().iter().all(|sql| sql.starts_with("SELECT")));
    /// # }
    /// ```
    pub fn texts(&self) -> Vec<String> {
        self.about.statements.since(self.start).iter().map(|sent| sent.sql.to_string()).collect()
    }

    /// Compares their number so far.
    ///
    /// # Panics
    /// There were fewer or more: the message lists them.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let queries = pgrepo::testkit::Queries::begin(db);
    /// db.query("SELECT 1").execute().await?;
    /// queries.assert(1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert(&self, expected: usize) {
        let sent = self.about.statements.since(self.start);
        if sent.len() != expected {
            let line = |(number, one): (usize, &Recorded)| format!("\n{number:>4}. {}: {}", one.operation, one.sql);
            let list: String = (1..).zip(&sent).map(line).collect();
            panic!("{expected} statements were expected, and {} were sent:{list}", sent.len());
        }
    }
}

impl Drop for Queries {
    fn drop(&mut self) {
        self.about.statements.end();
    }
}

/// Awaits a future and compares how many statements a [`Db`](crate::Db) sent meanwhile: the number, the database, the
/// future. Returns what the future returns.
///
/// It catches the query that runs once for each row of another. What counts as one is the table of
/// [`Queries`](crate::testkit::Queries).
///
/// # Panics
/// There were fewer or more: the message lists them, with their texts and without values.
///
/// # Examples
/// ```no_run
/// use pgrepo::testkit::TestDatabase;
/// use pgrepo::{Db, PgTable, Result, assert_queries};
///
/// #[derive(PgTable)]
/// #[pg(table = "users")]
/// struct User {
///     #[pg(primary_key)]
///     id: i64,
///     name: String,
/// }
///
/// async fn names(db: &Db, ids: &[i64]) -> Result<Vec<String>> {
///     let users = db.repository::<User>().get_many(ids.iter().copied()).await?;
///     Ok(users.into_iter().flatten().map(|user| user.name).collect())
/// }
///
/// #[pgrepo::test(sql = "CREATE TABLE users (id int8 PRIMARY KEY, name text NOT NULL)")]
/// async fn names_are_read_by_one_statement(db: Db) {
///     let names = assert_queries!(1, db, names(&db, &[1, 2, 3])).unwrap();
///     assert!(names.is_empty());
///     assert_queries!(0, db, async {});
/// }
/// ```
#[macro_export]
macro_rules! assert_queries {
    ($expected:expr, $db:expr, $work:expr $(,)?) => {{
        let db: &$crate::Db = &$db;
        let queries = $crate::testkit::Queries::begin(db);
        let output = ($work).await;
        queries.assert($expected);
        output
    }};
}
