//! What a comparison of a struct with its table came to.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::table::TableMeta;

use super::compare::compare;
use super::diff::{Difference, Severity};
use super::live::Live;
use super::shape::TableShape;

/// Whether a struct and its table agree, and in what they do not.
///
/// Compared are the columns with their types, and the limits of these where the struct names them; NULL, and who fills
/// them in; the primary key and the unique sets, which an upsert can use only if they are not deferrable, and the other
/// constraints that the struct declares; the labels of enums; and the declared indexes. Not compared are the SQL of
/// defaults, generated columns, constraints and indexes of SQL, which the server writes in its own words, comments, and
/// what the table has beside the struct in constraints and indexes. Of a view only whether it takes rows is compared, and the columns, with their
/// types.
///
/// # Examples
/// ```no_run
/// # use pgrepo::{Db, PgTable};
/// # #[derive(PgTable)]
/// # #[pg(table = "users")]
/// # struct User { email: String }
/// # async fn example(db: &Db) -> pgrepo::Result<()> {
/// let contract = db.verify::<User>().await?;
/// if !contract.is_ok() {
///     eprintln!("{contract}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a contract that nobody looks at may be broken"]
pub struct Contract {
    table: String,
    rust_type: String,
    differences: Vec<Difference>,
}

impl Contract {
    pub(super) fn of(meta: &TableMeta, shape: Option<&TableShape>) -> Self {
        let live = shape.map(Live::of);
        let differences = compare(meta, live.as_ref());
        Self { table: meta.to_string(), rust_type: meta.rust_type.to_owned(), differences }
    }

    /// The table's name with its schema, as the struct writes it.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// assert_eq!(db.verify::<User>().await?.table(), "users");
    /// # Ok(())
    /// # }
    /// ```
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The struct's name.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// assert_eq!(db.verify::<User>().await?.rust_type(), "User");
    /// # Ok(())
    /// # }
    /// ```
    pub fn rust_type(&self) -> &str {
        &self.rust_type
    }

    /// All differences: of the columns in the order of the fields, then of the table.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// assert!(db.verify::<User>().await?.differences().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Whether nothing breaks. There may be differences all the same, such as a column that a newer version of the program
    /// has added, or an index that is missing.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// assert!(db.verify::<User>().await?.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_ok(&self) -> bool {
        self.broken().next().is_none()
    }

    /// The contract, or an error if something breaks: for the start of a program.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`]: what breaks, all of it in one message.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let contract = db.verify::<User>().await?.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_result(self) -> Result<Self> {
        let broken: Vec<String> = self.broken().map(|one| format!("{} ({})", one.headline(), one.severity)).collect();
        if broken.is_empty() {
            return Ok(self);
        }
        let message = format!("`{}` does not fit its table: {}", self.rust_type, broken.join("; "));
        Err(Error::new(ErrorKind::Mismatch, message).during("verify").on_table(self.table))
    }

    /// The DDL that mends all differences, statement by statement, each once. What drops a column, or may round or cut
    /// its values, or drops an index ([`Difference::loses_values`]), is commented out, and so is what has to be done by hand.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// std::fs::write("migration.sql", db.verify::<User>().await?.ddl()).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn ddl(&self) -> String {
        let mut seen = Vec::new();
        let mut sql = String::new();
        for one in &self.differences {
            let comment = |text: &str| text.lines().map(|line| format!("-- {line}\n")).collect::<String>();
            if let Some(advice) = one.mend.advice.clone().filter(|advice| !seen.contains(advice)) {
                sql.push_str(&comment(&advice));
                seen.push(advice);
            }
            let Some(ddl) = one.ddl().filter(|ddl| !seen.contains(ddl)) else { continue };
            sql.push_str(&if one.loses_values() { comment(&ddl) } else { format!("{ddl}\n") });
            seen.push(ddl);
        }
        sql
    }

    fn broken(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|one| one.severity != Severity::Differs)
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.differences {
            writeln!(f, "{one}\n")?;
        }
        let errors = self.broken().count();
        let Self { table, rust_type, .. } = self;
        match (errors, self.differences.len() - errors) {
            (0, 0) => write!(f, "`{rust_type}` and the table {table} agree"),
            (0, warnings) => write!(f, "`{rust_type}` fits the table {table}; warnings: {warnings}"),
            (errors, warnings) => {
                write!(f, "`{rust_type}` does not fit the table {table}; errors: {errors}, warnings: {warnings}")
            }
        }
    }
}
