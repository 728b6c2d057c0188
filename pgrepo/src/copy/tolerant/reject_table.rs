use std::fmt::Write;

use serde::Serialize;

use crate::copy::catalog::text;
use crate::copy::feed::{Feed, Unfed};
use crate::copy::kind::code;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Session, driver};
use crate::table::{TableName, literal};

use super::reject::Rejected;

/// A table that rejects are written to.
pub(super) struct RejectTable<R> {
    quoted: String,
    shown: String,
    document: fn(&R) -> Option<String>,
    made: bool,
}

/// What is written of a reject, behind the time, which is a default.
const COLUMNS: &str = "table_name, row_index, line, field, column_name, constraint_name, sqlstate, message, document";

impl<R> RejectTable<R> {
    pub(super) fn new(table: TableName<'_>) -> Result<Self>
    where
        R: Serialize,
    {
        match table.problem() {
            Some(problem) => Err(Error::new(ErrorKind::Mismatch, problem).on_table(table)),
            None => Ok(Self {
                quoted: table.quoted(),
                shown: table.to_string(),
                document: |row| serde_json::to_string(row).ok(),
                made: false,
            }),
        }
    }

    /// An error of this table, and not of the load's.
    pub(super) fn blame(&self, error: Error) -> Error {
        let message = "the table of the rejects cannot be written";
        let kind = if error.kind() == ErrorKind::Query { ErrorKind::Copy } else { error.kind() };
        Error::new(kind, message).on_table(&self.shown).caused_by(error)
    }

    /// Creates the table if it is not there. Where it is, no privilege to create one is needed.
    pub(super) async fn make(&mut self, session: &mut Session) -> Result<(), sqlx::Error> {
        if self.made {
            return Ok(());
        }
        if !self.is_there(session).await? {
            let create = format!(
                "SAVEPOINT pgrepo_rejects; CREATE TABLE {} (rejected_at timestamptz NOT NULL DEFAULT now(), table_name text NOT NULL, \
                 row_index int8 NOT NULL, line int8, field text, column_name text, constraint_name text, sqlstate text, \
                 message text NOT NULL, document json); RELEASE SAVEPOINT pgrepo_rejects",
                self.quoted
            );
            if let Err(error) = driver::simple(session, &create).await {
                // Somebody else was faster, and the server waited for the end of that: it names the table, or an index of
                // the catalog's.
                if !matches!(code(&error), Some("42P07" | "23505")) {
                    return Err(error);
                }
                let back = "ROLLBACK TO SAVEPOINT pgrepo_rejects; RELEASE SAVEPOINT pgrepo_rejects";
                driver::simple(session, back).await?;
                if !self.is_there(session).await? {
                    return Err(error);
                }
            }
        }
        self.made = true;
        Ok(())
    }

    async fn is_there(&self, session: &mut Session) -> Result<bool, sqlx::Error> {
        let there = format!("SELECT pg_catalog.to_regclass({})", literal(&self.quoted));
        let found = driver::simple(session, &there).await?;
        Ok(found.first().and_then(|row| text(row, 0).ok()).is_some_and(|name| !name.is_empty()))
    }

    /// Writes rejects of a load into `target`. As text, so that the types of a table that was there are the server's business.
    pub(super) async fn write(
        &self,
        session: &mut Session,
        backend: i32,
        target: &str,
        rejects: &[Rejected<R>],
    ) -> Result<(), Unfed> {
        let copy = format!("COPY {} ({COLUMNS}) FROM STDIN", self.quoted);
        let mut feed = Feed::open(session, &copy, backend).await?;
        let mut data = Vec::new();
        for reject in rejects {
            data.extend_from_slice(self.line(target, reject).as_bytes());
            if data.len() >= crate::copy::load::CHUNK {
                feed = feed.send(&mut data).await?;
            }
        }
        feed.send(&mut data).await?.end().await?;
        Ok(())
    }

    /// A reject as a line of COPY's text format
    /// (<https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS>).
    fn line(&self, target: &str, reject: &Rejected<R>) -> String {
        let mut line = String::new();
        put(&mut line, Some(target));
        let _infallible = write!(line, "\t{}\t", reject.index);
        put(&mut line, reject.line().map(|line| line.to_string()).as_deref());
        for text in [reject.field(), reject.column(), reject.constraint()] {
            line.push('\t');
            put(&mut line, text);
        }
        line.push('\t');
        put(&mut line, reject.sqlstate().map(|state| state.to_string()).as_deref());
        line.push('\t');
        put(&mut line, Some(&reject.message()));
        line.push('\t');
        let document = match (&reject.row, reject.text()) {
            (Some(row), _) => (self.document)(row),
            (None, text) => text.and_then(|text| serde_json::to_string(text).ok()),
        };
        put(&mut line, document.as_deref());
        line.push('\n');
        line
    }
}

/// Appends a field of COPY's text format. NUL, which no text of the server's can hold, becomes U+FFFD.
fn put(line: &mut String, field: Option<&str>) {
    let Some(field) = field else { return line.push_str("\\N") };
    for character in field.chars() {
        match character {
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            '\0' => line.push('\u{fffd}'),
            other => line.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_one_whatever_it_holds() {
        let mut line = String::new();
        put(&mut line, Some("a\tb\\N\r\nc\0"));
        line.push('\t');
        put(&mut line, None);
        assert_eq!(line, "a\\tb\\\\N\\r\\nc\u{fffd}\t\\N");
    }
}
