//! What the server does before the rows of a merge come, and when all have come.

use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::Either;
use sqlx::postgres::PgRow;
use tokio::sync::oneshot;

use crate::driver_row;
use crate::error::{Error, ErrorKind, FaultClass, Result, SqlClass};
use crate::pool::{Session, Watch, driver};
use crate::table::Name;

use super::super::catalog;
use super::super::failed::Failed;
use super::super::kind::MERGE_PRIVILEGES;
use super::sql::{self, Part, STAGE, Statements};
use super::{Duplicates, MergeOutcome, MergeReport, What};

/// How often others may insert rows with the same keys between two looks at the table.
const ATTEMPTS: u32 = 64;

/// How often in a row the same number of rows, the same one first, may be neither inserted nor there before that is
/// believed: with one that is deleted meanwhile it is so once.
const ABSENT: u32 = 3;

/// Takes each row as it is stored, with its number; `None` where there is none.
pub(crate) type Take<'s> = dyn FnMut(&PgRow, u64, Option<MergeOutcome>) -> Result<()> + Send + Sync + 's;

/// What was read of the rows.
#[derive(Default)]
pub(super) struct Read {
    /// How many are there, or were.
    there: u64,
    /// The first that is not.
    absent: Option<u64>,
}

/// A merge, seen from the load that its rows are sent by.
pub(crate) struct Job<'s> {
    pub(super) operation: &'static str,
    pub(super) statements: Statements,
    pub(super) duplicates: Duplicates,
    /// The key's columns, for messages.
    pub(super) key: Vec<Name>,
    /// Whether merges of the table exclude each other, for more than the key is unique: set when it is looked at.
    pub(super) alone: AtomicBool,
    /// Which columns are read back, and by whom.
    pub(super) read: Option<(Vec<Name>, Box<Take<'s>>)>,
    /// Who waits for the report of a merge that is run as a whole.
    pub(super) report: Option<oneshot::Sender<MergeReport>>,
}

impl Job<'_> {
    /// Makes the table that the rows are copied into.
    pub(crate) async fn open(&self, session: &mut Session) -> Result<(), Failed> {
        let opened = self.rows(session, &self.statements.open()).await;
        let rows = opened.map_err(|failed| failed.mapped(|error| unopened(unprivileged(error))))?;
        let told = |row| Ok((catalog::text(row, 0)?, catalog::flag(row, 1)?, catalog::flag(row, 2)?));
        let (kind, unique, alone) =
            rows.first().map_or(Ok((String::new(), false, false)), told).map_err(Failed::ours)?;
        // A deletion takes nothing that is unique.
        self.alone.store(alone && self.statements.what != What::Delete, Ordering::Relaxed);
        if kind != "r" && kind != "p" {
            let does = match self.statements.what {
                What::Merge => "merged into",
                What::Update => "updated in",
                What::Delete => "deleted from",
            };
            let message = format!("rows are {does} a table, and this is none: of a view, name the table that it shows");
            return Err(Failed::ours(Error::new(ErrorKind::Mismatch, message)));
        }
        if !unique {
            let message = format!(
                "the table has no unique constraint or index on just these columns ({}), or only one that is partial, \
                 deferrable or not valid",
                self.named()
            );
            return Err(Failed::ours(Error::new(ErrorKind::Mismatch, message)));
        }
        Ok(())
    }

    /// Merges the rows that were copied, all or none.
    pub(crate) async fn run(self, session: &mut Session, rows: u64, own: bool) -> Result<(), Failed> {
        self.run_whole(session, rows, own).await.map_err(|failed| failed.mapped(of_whole))
    }

    async fn run_whole(mut self, session: &mut Session, rows: u64, own: bool) -> Result<(), Failed> {
        let duplicates = self.mark_duplicates(session).await?;
        let report = self.merge(session, rows.saturating_sub(duplicates), &Part::All).await?;
        if let Some((columns, mut take)) = self.read.take() {
            let columns = columns.into_iter();
            match self.statements.what {
                What::Delete => {
                    let deleted = self.read(session, &self.statements.delete_read(columns), &mut *take).await?;
                    self.all_changed(deleted.there, report.updated)?;
                }
                what => {
                    let read = self.read(session, &self.statements.read(columns, &Part::All), &mut *take).await?;
                    // Of an update the report tells of those that are not there.
                    if let (What::Merge, Some(row)) = (what, read.absent) {
                        return Err(Failed::ours(neither().at_row(row)));
                    }
                }
            }
        }
        if !own {
            self.close(session).await?;
        }
        // Nobody waits for it any more where the merge was dropped.
        let _dropped = self.report.take().map(|waits| waits.send(MergeReport { duplicates, ..report }));
        Ok(())
    }

    async fn mark_duplicates(&self, session: &mut Session) -> Result<u64, Failed> {
        if self.duplicates != Duplicates::Refuse {
            let last_wins = self.duplicates == Duplicates::LastWins;
            return self.affected(session, &self.statements.mark_duplicates(last_wins)).await;
        }
        let sql = format!("{} LIMIT 1", self.statements.duplicates());
        let rows = self.rows(session, &sql).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        let (earlier, later) = two(row).map_err(Failed::ours)?;
        let message = format!(
            "rows {earlier} and {later} (counted from 0) have the same key ({}), so nothing is stored; \
             Merge::duplicates lets the first or the last one win",
            self.named()
        );
        Err(Failed::ours(Error::new(ErrorKind::Copy, message).at_row(later)))
    }

    /// Inserts the rows that are not there and updates the others; `live` is the number of rows with different keys.
    ///
    /// Merges of the same keys wait for each other and never in a circle: rows that are there are locked in the order of
    /// their keys, then the others are inserted in that order, and only then is anything updated, which waits for nobody.
    /// Whoever still locks has inserted nothing that an insert could wait for, and a row that is only locked is in conflict
    /// at once; one that is updated would be waited for. One that has to merge in parts, in whatever order, does so alone,
    /// and so does each where something else is unique as well, since what is updated then may have to be waited for.
    /// Where others have inserted a row after it was looked for, all
    /// locks are given up and the merge begins anew.
    pub(super) async fn merge(&self, session: &mut Session, live: u64, part: &Part) -> Result<MergeReport, Failed> {
        let statements = &self.statements;
        let find = statements.find(part);
        let (mut before, mut times) = (None, 0);
        let alone = self.alone.load(Ordering::Relaxed);
        for attempt in 1..=ATTEMPTS {
            let inserts = statements.what == What::Merge;
            let begin = match (inserts, attempt) {
                (false, _) => statements.wait(alone),
                (true, 1) => format!("{}; SAVEPOINT pgrepo_merge", statements.wait(alone)),
                (true, _) => "ROLLBACK TO SAVEPOINT pgrepo_merge".to_owned(),
            };
            let found = self.rows(session, &format!("{begin}; {find}")).await?;
            let (changed, unchanged) = found.last().map_or(Ok((0, 0)), two).map_err(Failed::ours)?;
            let Some(left) = live.checked_sub(changed + unchanged) else {
                let message = format!(
                    "more than one row of the table has the same key ({}), as with tables that inherit from it",
                    self.named()
                );
                return Err(Failed::ours(Error::new(ErrorKind::Copy, message)));
            };
            let inserted = match inserts && left > 0 {
                true => self.affected(session, &statements.insert(part)).await?,
                false => 0,
            };
            let missing = left.saturating_sub(inserted);
            if missing > 0 && inserts {
                let absent = self.first_absent(session, part).await?.map(|row| (row, missing));
                times = if absent.is_some() && absent == before { times + 1 } else { 1 };
                before = absent;
                match absent {
                    Some((row, _)) if times == ABSENT => return Err(Failed::ours(neither().at_row(row))),
                    _ => continue,
                }
            }
            // Rows that are to be read as they are deleted are deleted when they are read.
            if changed > 0 && !(statements.what == What::Delete && self.read.is_some()) {
                self.all_changed(self.affected(session, &statements.change(part)).await?, changed)?;
            }
            return Ok(MergeReport { inserted, updated: changed, unchanged, missing, ..MergeReport::default() });
        }
        let secured = self.rows(session, &statements.is_secured()).await?;
        if secured.first().map_or(Ok(false), |row| catalog::flag(row, 0)).map_err(Failed::ours)? {
            let message = "rows with the same keys are there and are not found to be updated, so nothing is stored: a policy \
                           lets the role see rows that it may not update, or others insert and delete them all the time";
            return Err(Failed::ours(Error::new(ErrorKind::Copy, message)));
        }
        let message = "others insert and delete rows with the same keys all the time, so nothing is stored";
        Err(Failed::ours(Error::new(ErrorKind::Copy, message).of_fault(FaultClass::RolledBack)))
    }

    fn all_changed(&self, done: u64, expected: u64) -> Result<(), Failed> {
        if done == expected {
            return Ok(());
        }
        let verb = if self.statements.what == What::Delete { "deleted" } else { "updated" };
        let message = format!(
            "the server {verb} {done} of {expected} rows, so nothing is stored: a trigger or a policy leaves rows out"
        );
        Err(Failed::ours(Error::new(ErrorKind::Copy, message)))
    }

    /// The first of the rows that are not there although they were inserted, or in conflict with one that was.
    async fn first_absent(&self, session: &mut Session, part: &Part) -> Result<Option<u64>, Failed> {
        let rows = self.rows(session, &self.statements.first_absent(part)).await?;
        let row = rows.first().map_or(Ok(String::new()), |row| catalog::text(row, 0)).map_err(Failed::ours)?;
        Ok(row.parse().ok())
    }

    /// Hands over each row as it is now, or as it was when it was deleted, and says how many there are.
    ///
    /// The driver asks for types that it does not know after it has prepared the statement, which is lost by that if it is
    /// not to be kept. The second time it knows them.
    pub(super) async fn read(&self, session: &mut Session, sql: &str, take: &mut Take<'_>) -> Result<Read, Failed> {
        self.rows(session, "SAVEPOINT pgrepo_read").await?;
        match self.read_once(session, sql, take).await {
            Err(failed) if failed.is_state("26000") => {
                self.rows(session, "ROLLBACK TO SAVEPOINT pgrepo_read").await?;
                self.read_once(session, sql, take).await
            }
            done => done,
        }
    }

    async fn read_once(&self, session: &mut Session, sql: &str, take: &mut Take<'_>) -> Result<Read, Failed> {
        let _watch = Watch::begin(&*session, self.operation, || sql.into());
        let limit = session.answer_limit;
        let mut items = driver::once(session, sql);
        let (mut refused, mut read) = (None, Read::default());
        while let Some(item) = driver::answered_next(limit, &mut items).await {
            if let Either::Right(row) = item.map_err(of_driver)? {
                // After a row that does not fit the rest is received all the same, so that the connection is at rest.
                if refused.is_none() {
                    let taken = self.outcome(&row).and_then(|(number, outcome)| {
                        match outcome {
                            Some(_) => read.there += 1,
                            None => read.absent = read.absent.or(Some(number)),
                        }
                        take(&row, number, outcome)
                    });
                    refused = taken.err();
                }
            }
        }
        refused.map_or(Ok(read), |error| Err(Failed::ours(error)))
    }

    /// The number of a row that was read, and what became of it.
    fn outcome(&self, row: &PgRow) -> Result<(u64, Option<MergeOutcome>)> {
        let unreadable = || Error::new(ErrorKind::Decode, "what became of a row cannot be read");
        let told = driver_row::last::<&str>(row).map_err(|e| unreadable().caused_by(e))?;
        let (mark, number) = told.split_at_checked(1).ok_or_else(unreadable)?;
        let number = number.parse().map_err(|_| unreadable())?;
        let outcome = match mark {
            sql::INSERTED => MergeOutcome::Inserted,
            sql::CHANGED | sql::DELETED => MergeOutcome::Updated,
            sql::SAME => MergeOutcome::Unchanged,
            sql::DUPLICATE => MergeOutcome::Duplicate,
            _ => return Ok((number, None)),
        };
        Ok((number, Some(outcome)))
    }

    pub(super) async fn rows(&self, session: &mut Session, sql: &str) -> Result<Vec<PgRow>, Failed> {
        let _watch = Watch::begin(&*session, self.operation, || sql.into());
        driver::simple(session, sql).await.map_err(of_driver)
    }

    pub(super) async fn affected(&self, session: &mut Session, sql: &str) -> Result<u64, Failed> {
        let _watch = Watch::begin(&*session, self.operation, || sql.into());
        driver::affected(session, sql).await.map_err(of_driver)
    }

    /// The key's columns as a message names them.
    pub(super) fn named(&self) -> String {
        self.key.iter().map(Name::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// The two numbers of a row.
pub(super) fn two(row: &PgRow) -> Result<(u64, u64)> {
    Ok((catalog::number(row, 0)?, catalog::number(row, 1)?))
}

fn of_driver(error: sqlx::Error) -> Failed {
    Failed::amid(error, STAGE)
}

/// The error of a merge that stores all or nothing.
fn of_whole(error: Error) -> Error {
    let Some(server) = error.server() else { return error };
    match (server.sqlstate().class(), server.sqlstate().as_str()) {
        (SqlClass::IntegrityConstraint, _) => error.saying(
            "the server refused a row of the merge, so nothing is stored: the constraint is named, and in the detail the \
             row's key or the row",
        ),
        (_, "42501") if server.is_of_policy() => {
            error.saying("a row-level security policy refused a row of the merge, so nothing is stored")
        }
        _ => unprivileged(error),
    }
}

/// Names the privileges that a merge takes, where one is lacking. What a trigger may not do has a context.
pub(super) fn unprivileged(error: Error) -> Error {
    match error.server() {
        Some(server)
            if server.sqlstate().as_str() == "42501"
                && server.routine() == Some("aclcheck_error")
                && server.context().is_none() =>
        {
            error.saying(MERGE_PRIVILEGES)
        }
        _ => error,
    }
}

/// The error of a merge that could not make its tables.
fn unopened(error: Error) -> Error {
    let lacks_others = error.server().and_then(|server| server.routine()) == Some("aclcheck_error");
    match error.sqlstate().as_ref().map(|state| state.as_str()) {
        Some("42P07") => error.saying(
            "the session has a temporary table of the name that a merge's own has (\"pgrepo: merge\", \"pgrepo: marks\")",
        ),
        Some("42501") if !lacks_others => error.saying(
            "rows are merged by way of a temporary table, which the role may not create: GRANT TEMPORARY ON DATABASE",
        ),
        _ => error,
    }
}

#[cold]
fn neither() -> Error {
    let message = "the row was neither inserted nor is it found by its key, so nothing is stored: a trigger leaves it out or \
                   changes its key, a policy hides it, the key's index compares by another collation, or others delete it each time";
    Error::new(ErrorKind::Copy, message)
}
