use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::query::Filter;
use crate::table::{ColumnMeta, PgTable, TableMeta};

use super::literal::Condition;
use super::plan::{How, Numbers};
use super::progress::{Following, Progress};

/// How a load treats the columns that the server can fill in, which columns it sends, which rows are stored, and what
/// becomes of those that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyInOptions {
    /// Sends identity columns too, as a load of rows that were unloaded before does. Default: the server numbers them.
    pub keep_identity: bool,
    /// Leaves all columns marked `default` to the server. Default: the row's values are sent, or what its
    /// [`Set`](crate::Set) fields say.
    pub server_defaults: bool,
    /// Sends these columns only. Default: all that the row has.
    pub columns: Option<Vec<String>>,
    /// How many rows the source is to yield: with fewer or more nothing is stored, or of a load that commits
    /// [each batch](crate::Commit::EachBatch) nothing of the last one. Default: not compared.
    pub expected_rows: Option<u64>,
    /// Accepts that the server stores fewer rows than were sent, as with a trigger that leaves rows out. Default:
    /// nothing is stored then.
    pub allow_skipped: bool,
    /// Empties the table first, in the load's own transaction. Default: the rows are added.
    pub truncate: bool,
    /// Lets the numbers of the table's sequences begin anew when it is emptied. Default: they go on.
    pub restart_identity: bool,
    /// Stores the rows frozen. Default: as any others.
    pub freeze: bool,
    pub(super) condition: Option<Condition>,
    pub(super) progress: Option<Progress>,
}

impl CopyInOptions {
    /// Sends these columns only.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// // The key is numbered, and the rank is the default.
    /// let options = CopyInOptions::default().only([User::NAME.name()]);
    /// db.repository::<User>().copy_in_with(users, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn only<C: fmt::Display>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.columns = Some(columns.into_iter().map(|c| c.to_string()).collect());
        self
    }

    /// Sends identity columns too.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// // Rows that were unloaded elsewhere keep their numbers.
    /// let options = CopyInOptions::default().keep_identity();
    /// db.repository::<User>().copy_in_with(users, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_identity(mut self) -> Self {
        self.keep_identity = true;
        self
    }

    /// Leaves all columns marked `default` to the server.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// // Whatever the structs say, the rank is the default.
    /// let options = CopyInOptions::default().server_defaults();
    /// db.repository::<User>().copy_in_with(users, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn server_defaults(mut self) -> Self {
        self.server_defaults = true;
        self
    }

    /// Compares the number of rows with this one before they are stored; where each batch is committed, before the last is.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let options = CopyInOptions::default().expected_rows(users.len() as u64);
    /// db.repository::<User>().copy_in_with(users, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn expected_rows(mut self, rows: u64) -> Self {
        self.expected_rows = Some(rows);
        self
    }

    /// Accepts that the server stores fewer rows than were sent.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// // A trigger of the table leaves rows out.
    /// let options = CopyInOptions::default().allow_skipped();
    /// db.repository::<User>().copy_in_with(users, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_skipped(mut self) -> Self {
        self.allow_skipped = true;
        self
    }

    /// Empties the table first: the load replaces what is there. Both take effect together, or neither does.
    ///
    /// The server sees `TRUNCATE`, after the columns were checked, in the transaction or savepoint of the load. The load
    /// then holds an ACCESS EXCLUSIVE lock from its first statement to its end, or its transaction's: everybody else waits,
    /// readers too. Partitions, and tables that inherit, are emptied as well, triggers on DELETE are not run, and sessions
    /// with an older snapshot see the table empty
    /// (<https://www.postgresql.org/docs/current/sql-truncate.html>). Sequences go on, unless
    /// [`restart_identity`](Self::restart_identity) is set too.
    ///
    /// Where another table's foreign key refers to this one the server refuses it, by 0A000, whether that holds rows or
    /// not. A foreign table is emptied from PostgreSQL 14 on, where its wrapper can.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let options = CopyInOptions::default().truncate().freeze();
    /// db.repository::<User>().copy_in_with(users, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn truncate(mut self) -> Self {
        self.truncate = true;
        self
    }

    /// Empties the table first, and lets the numbers of its sequences begin anew (`TRUNCATE … RESTART IDENTITY`): see
    /// [`truncate`](Self::truncate), which this includes. It takes to be the sequences' owner.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// // The first row is number 1.
    /// let options = CopyInOptions::default().restart_identity();
    /// db.repository::<User>().copy_in_with(users, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn restart_identity(mut self) -> Self {
        self.truncate = true;
        self.restart_identity = true;
        self
    }

    /// Stores the rows frozen, which saves a later VACUUM the work (`COPY … (FREEZE)`).
    ///
    /// The server takes it only where the table was created or truncated in the same transaction, below the same
    /// savepoint. A load in a [`Tx`](crate::Tx) has a savepoint of its own, so that a table which the transaction has
    /// created does not do: [`truncate`](Self::truncate) goes with this in every case. It also refuses a partitioned
    /// table, and a transaction with open cursors. From the end of the transaction on everybody sees the rows, those with
    /// an older snapshot too (<https://www.postgresql.org/docs/current/sql-copy.html>).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let options = CopyInOptions::default().truncate().freeze();
    /// db.repository::<User>().copy_in_with(users, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn freeze(mut self) -> Self {
        self.freeze = true;
        self
    }

    /// Stores only the rows that a condition holds for; the others are counted as
    /// [skipped](crate::CopyReport::skipped).
    ///
    /// The server sees `COPY … WHERE`, and evaluates it for each row with its defaults filled in, before triggers run. A
    /// COPY takes no parameters, so the server itself is first asked to write the values as literals of their types, in
    /// the load's transaction: two round trips more, three the first time. The role needs SELECT on the columns that are
    /// named. The server refuses subqueries and, from PostgreSQL 17
    /// on, generated columns, which are not computed yet and NULL before
    /// (<https://www.postgresql.org/docs/current/sql-copy.html>). Rows that a trigger leaves out cannot be told from those
    /// that are filtered: with a filter they are accepted.
    ///
    /// # Errors
    /// The load's: [`ErrorKind::Mismatch`] where the filter is on another table than the load's, or a value does not fit
    /// its column.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::CopyInOptions;
    /// let options = CopyInOptions::default().filter(User::RANK.gt(0).and(User::NAME.ne("nobody")));
    /// let report = db.repository::<User>().copy_in_with(users, options).await?;
    /// println!("{} rows, {} left out", report.rows, report.skipped);
    /// # Ok(())
    /// # }
    /// ```
    pub fn filter<T: PgTable + 'static>(mut self, filter: Filter<'static, T>) -> Self {
        self.condition = (!filter.is_all()).then(|| Condition::new(filter));
        self
    }

    /// Tells how far the load is: see [`Progress`].
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, name: String, #[pg(default)] rank: i32 }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::{CopyInOptions, Progress};
    /// let (progress, seen) = Progress::channel();
    /// let options = CopyInOptions::default().progress(progress);
    /// let mut load = db.repository::<User>().start_copy_in::<User>(options);
    /// for user in &users {
    ///     load.send(user).await?;
    ///     println!("{}", *seen.borrow());
    /// }
    /// load.finish().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Whether the server may store fewer rows than are sent.
    pub(super) fn may_skip(&self) -> bool {
        self.allow_skipped || self.condition.is_some()
    }

    /// How a load of this table goes.
    pub(super) fn how(&self, table: &TableMeta, following: Following) -> Result<How> {
        if self.condition.as_ref().is_some_and(|condition| !condition.is_of(table)) {
            return Err(Error::new(ErrorKind::Mismatch, "the load's filter is on another table"));
        }
        let numbers = if self.restart_identity { Numbers::Restart } else { Numbers::Continue };
        Ok(How {
            truncate: (self.truncate || self.restart_identity).then_some(numbers),
            freeze: self.freeze,
            condition: self.condition.clone(),
            following,
        })
    }

    /// Which of the columns a load sends whose first row sends `sent`.
    pub(super) fn marks(&self, columns: &'static [ColumnMeta], mut sent: Vec<bool>) -> Result<Vec<bool>> {
        sent.resize(columns.len(), true);
        let only = self.columns.as_deref();
        for name in only.unwrap_or_default() {
            if !columns.iter().any(|c| c.spec.name == **name) {
                let names = columns.iter().map(|c| c.spec.name.to_string()).collect::<Vec<_>>().join(", ");
                let message = format!("the row has no such column; it has {names}");
                return Err(Error::new(ErrorKind::Mismatch, message).at_column(name));
            }
        }
        for (mark, meta) in sent.iter_mut().zip(columns) {
            // A column that is named is sent, whatever is left to the server otherwise.
            *mark &= match only {
                Some(names) => names.iter().any(|name| meta.spec.name == **name),
                None => (!meta.spec.identity || self.keep_identity) && (!meta.spec.default || !self.server_defaults),
            };
        }
        if sent.contains(&true) { Ok(sent) } else { Err(Error::new(ErrorKind::Mismatch, "the load sends no column")) }
    }
}
