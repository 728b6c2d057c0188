use futures_core::Stream;
use futures_util::{StreamExt, stream};

use crate::copy::{BulkLoad, SourceError};
use crate::pool::Handle;
use crate::table::{PgTable, WriteRow};

use super::Repository;

impl<H: Handle, T: PgTable> Repository<H, T> {
    /// Loads the good rows by binary COPY, and hands the bad ones back: each as a [`Rejected`](crate::Rejected) with the
    /// row itself, its place in the source, the reason, and what of field, column, constraint and SQLSTATE is to blame.
    ///
    /// What follows on it sets the load up, and its last method says who takes the rejects:
    /// [`collect`](BulkLoad::collect), [`to_sink`](BulkLoad::to_sink), [`to_channel`](BulkLoad::to_channel) or
    /// [`to_table`](BulkLoad::to_table).
    ///
    /// A value that cannot be encoded is rejected before any of its row is sent. The rest goes in batches, each a COPY under
    /// a savepoint, in one transaction or [each in its own](BulkLoad::commit). A batch that the server refuses is undone and
    /// sent again in parts, each under the savepoint, until the bad rows are found: all in all some four times, plus a few
    /// short COPYs for each of them ([`LoadReport::resent`](crate::LoadReport::resent)). A batch is kept in memory until
    /// then, and nothing else is.
    ///
    /// # What is a bad row
    /// One that the server stores neither with the good rows before it nor alone behind them, whatever refuses it: a value
    /// out of range or malformed, NOT NULL, a check, a domain, a key that is in the table or in an earlier row of the load,
    /// an exclusion, a foreign key, a trigger's exception, a row that is too large or fits no partition. By SQLSTATE it is
    /// classes 20, 21, 22 (but for 2200H and 22P04), 23, 27, 38, 44, 54, P0 and those that are none of PostgreSQL's. Every
    /// other refusal is no row's, and ends the load: locks, deadlocks, timeouts, privileges, missing columns, a full disk.
    ///
    /// A row that a BEFORE trigger leaves out is no reject, but ends the load as it ends a strict one, unless
    /// [`CopyInOptions::allow_skipped`](crate::CopyInOptions::allow_skipped) is set.
    ///
    /// **Foreign keys** are checked behind the rows of a batch, so a row may refer to any row of its batch, or of an earlier
    /// one, in the same table. A row that refers to a bad row is bad itself. Where the role may not create temporary tables,
    /// or not read the table that is referred to, a batch with a bad key is searched by halves; then a row that refers to a
    /// later one may be rejected with it.
    ///
    /// **Deferred constraints** are checked behind the rows of a batch too, not at COMMIT, where no row could be named any
    /// more. In a transaction of yours this holds for those of this table that are initially deferred, and what the
    /// transaction did before must not violate them. Behind the load they are deferred, even if `SET CONSTRAINTS … IMMEDIATE`
    /// of yours had said otherwise before, which the server does not tell. `SET CONSTRAINTS` takes a schema and a name; where
    /// another constraint of the schema has the name of such a one, the load is refused before anything is sent.
    ///
    /// What is stored by itself is a subtransaction: a batch that is good as a whole is one, the parts of one with bad rows
    /// are some for each of these. With more than 64 in a transaction there are more than the server keeps at hand, which
    /// makes other sessions slower while it lasts (<https://www.postgresql.org/docs/current/subxacts.html>): take larger
    /// batches, or commit each, where that matters.
    ///
    /// # Errors
    /// In each case [`Error::committed`](crate::Error::committed) says what is stored: nothing, with
    /// [`Commit::EachBatch`](crate::Commit::EachBatch) so many batches, or that it is not known. [`ErrorKind::Copy`](crate::ErrorKind::Copy): there
    /// were more rejects than the [budget](BulkLoad::max_rejects), the last of which is the cause; the source failed or
    /// panicked; another number of rows came than was expected; the sink failed; or the server refused the load.
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the struct does not fit the table, or a deferred constraint cannot
    /// be told from another one (above).
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): a setting of the load makes no sense.
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout): the [time limit](BulkLoad::time_limit) passed.
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection): it broke. A COMMIT that is not answered is asked about, as
    /// that of [`copy_in`](Self::copy_in); only where that does not help is it unknown whether the last batch, or with
    /// [`Commit::Whole`](crate::Commit::Whole) the load, is stored, which
    /// [`Committed::unknown`](crate::Committed::unknown) says.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind but the batches that were committed before. Dropped while a COMMIT is under
    /// way, what that commits may be there. In a transaction it leaves that unusable.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// let (report, rejects) = db.repository::<User>().load(users).max_rejects(100).collect().await?;
    /// println!("{} of {} rows are stored", report.rows, report.rows + report.rejected);
    /// for reject in rejects.iter().filter(|reject| reject.error.is_unique_violation()) {
    ///     println!("row {} was there before: {:?}", reject.index, reject.constraint());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn load<R, I>(self, rows: I) -> BulkLoad<H, R, impl Stream<Item = Result<R, SourceError>>>
    where
        R: WriteRow<Table = T>,
        I: IntoIterator<Item = R>,
    {
        BulkLoad::new(self.on, stream::iter(rows.into_iter().map(Ok)))
    }

    /// [`load`](Self::load) of rows that a stream yields.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use futures_util::{StreamExt, stream};
    /// let users = stream::iter(1..=1_000_000).map(|id| User { id, name: format!("user {id}") });
    /// let (report, rejects) = db.repository::<User>().load_stream(users).collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn load_stream<R, S>(self, rows: S) -> BulkLoad<H, R, impl Stream<Item = Result<R, SourceError>>>
    where
        R: WriteRow<Table = T>,
        S: Stream<Item = R>,
    {
        BulkLoad::new(self.on, rows.map(Ok))
    }

    /// [`load`](Self::load) of rows that a stream yields or fails to: a [`RowError`](crate::RowError), such as a line that
    /// cannot be read, is a reject too; any other error ends the load, as the cause of its error.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use futures_util::{StreamExt, stream};
    /// use pgrepo::RowError;
    ///
    /// let lines = stream::iter((1..).zip(["1,Ann", "two,Bo"]));
    /// let users = lines.map(|(number, line)| {
    ///     let unreadable = |why: &str| RowError::new(why).at_line(number).with_text(line);
    ///     let (id, name) = line.split_once(',').ok_or_else(|| unreadable("no comma"))?;
    ///     let id = id.parse().map_err(|_| unreadable("the id is no number"))?;
    ///     Ok::<_, RowError>(User { id, name: name.to_owned() })
    /// });
    /// let (report, rejects) = db.repository::<User>().load_try_stream(users).collect().await?;
    /// assert_eq!((report.rows, rejects[0].line(), rejects[0].text()), (1, Some(2), Some("two,Bo")));
    /// # Ok(())
    /// # }
    /// ```
    pub fn load_try_stream<R, S, E>(self, rows: S) -> BulkLoad<H, R, impl Stream<Item = Result<R, SourceError>>>
    where
        R: WriteRow<Table = T>,
        S: Stream<Item = Result<R, E>>,
        E: Into<SourceError>,
    {
        BulkLoad::new(self.on, rows.map(|row| row.map_err(Into::into)))
    }
}
